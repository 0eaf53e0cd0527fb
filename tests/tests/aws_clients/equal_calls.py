"""Equal calls at once: argv is the id of an online node. Every one of them has to be a session of its own."""

import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.pop(0)  # A file here has the name of the package.
import boto3  # noqa: E402

CALLS = 4
node = sys.argv[1]
clients = [boto3.session.Session().client("ssm") for _ in range(CALLS)]
with ThreadPoolExecutor(CALLS) as pool:
    started = list(pool.map(lambda ssm: ssm.start_session(Target=node)["SessionId"], clients))
assert len(set(started)) == CALLS, started
print("shown\tequal calls in one second are sessions of their own")
