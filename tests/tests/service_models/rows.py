"""What is meaningful for each operation: the values that a model cannot know. An operation without a row fails the test.

`minimal` gives the required members; `maximal` some of the others too, of which the model makes the rest as large as
they may be. What is refused is made from `base`, whose things exist and stay: `maximal` unless it says otherwise.
"""

from dataclasses import dataclass, field
from typing import Callable

from generate import Omit

ROWS = {}


@dataclass
class Row:
    minimal: Callable
    maximal: Callable = None
    base: Callable = None
    # What is read page by page; it must stand still meanwhile.
    pages: Callable = None
    # What the model allows and the operation refuses: a name, the input, the code.
    refusals: list = field(default_factory=list)
    # Codes that the operation answers and its model does not list, each with the reason.
    codes: dict = field(default_factory=dict)
    # Faults of the input that are let pass: (where, fault) to the reason.
    tolerates: dict = field(default_factory=dict)
    # Faults of the answer that are let pass: the sentence, with [] for any index, to the reason.
    answers: dict = field(default_factory=dict)

    def __post_init__(self):
        self.maximal = self.maximal or self.minimal
        self.base = self.base or self.maximal
        self.pages = self.pages or self.minimal


def row(name, minimal, maximal=None, **more):
    ROWS[name] = Row(minimal, maximal, **more)


# The operations of agents: AWS publishes no model of them, so there is nothing to walk. Their tests are the captures
# of the stock agent.
UNPUBLISHED = {
    "ssm.RegisterManagedInstance",
    "ssm.RequestManagedInstanceRoleToken",
    "ssm.UpdateManagedInstancePublicKey",
    "ssm.UpdateInstanceInformation",
    "ssm.ListInstanceAssociations",
    "ec2messages.GetMessages",
}

PAGE_TOKEN = Omit("a first page has none; paging has its own check")
# The largest set of tags a resource may have.
TAGS = [{"Key": f"key-{n}" + "k" * 120, "Value": "v" * 256} for n in range(10, 60)]
