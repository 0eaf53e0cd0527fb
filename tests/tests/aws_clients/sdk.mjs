// The AWS SDK for JavaScript against a running service: argv is the id of an online node. Endpoint, region and
// credentials come from the environment, as users have them. One line for each behaviour that is shown.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
const require = createRequire(process.cwd() + "/");
const sdk = require("@aws-sdk/client-ssm");

const [node] = process.argv.slice(2);
const ssm = new sdk.SSM({});
const shown = (behaviour) => console.log(`shown\t${behaviour}`);

async function throws(kind, call) {
  const error = await call.then(() => assert.fail("it went through"), (error) => error);
  assert.ok(error instanceof kind, `${error.name} is not ${kind.name}: ${error.message}`);
  assert.ok(error instanceof sdk.SSMServiceException);
  assert.equal(error.name, kind.name);
  assert.equal(error.$fault, "client");
  assert.equal(error.$metadata.httpStatusCode, 400);
  assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
  return error;
}

const isNow = (time) => time instanceof Date && Math.abs(time.getTime() - Date.now()) < 120_000;

// Nodes.
const { InstanceInformationList: nodes } = await ssm.describeInstanceInformation({
  Filters: [{ Key: "InstanceIds", Values: [node] }],
});
assert.equal(nodes.length, 1);
assert.equal(nodes[0].PingStatus, "Online");
assert.equal((await ssm.getConnectionStatus({ Target: node })).Status, "connected");

// Sessions.
const started = await ssm.startSession({ Target: node, Reason: "from node" });
assert.match(started.StreamUrl, /^ws/);
assert.ok(started.TokenValue);
const resumed = await ssm.resumeSession({ SessionId: started.SessionId });
assert.notEqual(resumed.TokenValue, started.TokenValue);
const filters = [{ key: "SessionId", value: started.SessionId }];
const active = await ssm.describeSessions({ State: "Active", Filters: filters });
assert.equal(active.Sessions[0].Reason, "from node");
assert.equal((await ssm.terminateSession({ SessionId: started.SessionId })).SessionId, started.SessionId);
let ended;
for (const deadline = Date.now() + 30_000; !ended; await new Promise((done) => setTimeout(done, 50))) {
  assert.ok(Date.now() < deadline, "the session does not end");
  [ended] = (await ssm.describeSessions({ State: "History", Filters: filters })).Sessions;
}
assert.equal(ended.Status, "Terminated");
shown("a session is started, resumed and ended");

// Activations, more than a page of them.
const expires = new Date(Date.now() + 86_400_000);
const made = [];
for (let n = 0; n < 5; n++) {
  made.push(await ssm.createActivation({ IamRole: "PosternNode", DefaultInstanceName: `js-${n}`, ExpirationDate: expires }));
}
assert.ok(made.every(({ ActivationCode }) => ActivationCode.length >= 20));
const listed = [];
for await (const page of sdk.paginateDescribeActivations({ client: ssm, pageSize: 2 }, {})) {
  assert.ok(page.ActivationList.length <= 2);
  listed.push(...page.ActivationList);
}
const ours = listed.filter(({ DefaultInstanceName }) => DefaultInstanceName?.startsWith("js-"));
// Newest first.
assert.deepEqual(ours.map(({ ActivationId }) => ActivationId), made.map(({ ActivationId }) => ActivationId).reverse());
shown("pages add up, by the SDK's own paginators");

assert.equal(ours[0].ExpirationDate.getTime(), expires.getTime());
assert.ok(isNow(ours[0].CreatedDate), `${ours[0].CreatedDate}`);
assert.ok(isNow(nodes[0].LastPingDateTime) && isNow(nodes[0].RegistrationDate));
assert.ok(isNow(ended.StartDate) && ended.EndDate >= ended.StartDate);
shown("times are times");

for (const { ActivationId } of made) await ssm.deleteActivation({ ActivationId });
await throws(sdk.InvalidActivation, ssm.deleteActivation({ ActivationId: made[0].ActivationId }));
shown("activations are made, listed and deleted");

await throws(sdk.InvalidActivationId, ssm.deleteActivation({ ActivationId: "web" }));
await throws(sdk.InvalidFilter, ssm.describeActivations({ Filters: [{ FilterKey: "Colour", FilterValues: ["red"] }] }));
await throws(sdk.InvalidNextToken, ssm.describeActivations({ NextToken: "garbage" }));
await throws(sdk.InvalidFilterKey, ssm.describeInstanceInformation({ Filters: [{ Key: "Colour", Values: ["red"] }] }));
await throws(sdk.InvalidInstanceId, ssm.deregisterManagedInstance({ InstanceId: "mi-00000000000000000" }));
await throws(sdk.InvalidDocument, ssm.startSession({ Target: node, DocumentName: "No-Such-Document" }));
await throws(sdk.DoesNotExistException, ssm.resumeSession({ SessionId: "nobody-00000000000000000" }));
const offline = await throws(sdk.TargetNotConnected, ssm.startSession({ Target: "mi-00000000000000000" }));
assert.match(offline.message, /^mi-00000000000000000 is not connected\./);
const invalid = await throws(sdk.ValidationException, ssm.describeSessions({ State: "Sleeping" }));
assert.match(invalid.message, /^1 validation error detected: Value 'Sleeping' at 'state' failed to satisfy constraint/);
const stranger = new sdk.SSM({ credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "x" } });
const unknown = await stranger.describeSessions({ State: "Active" }).catch((error) => error);
assert.equal(unknown.name, "UnrecognizedClientException");
shown("errors are the SDK's own classes");
