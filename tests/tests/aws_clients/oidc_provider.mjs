// A real provider of identities, which signs tokens for programs: `oidc-provider` over TLS on a port of its own. argv is
// the file with the service's certificate, as our own service keeps it. It prints its address. What a token says about its
// audience, its signature and its tags is asked for by the resource that it is for.
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { pathToFileURL } from "node:url";

const { default: Provider } = await import(pathToFileURL(`${process.cwd()}/node_modules/oidc-provider/lib/index.js`));

const key = (kind, options, alg) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" }),
  alg,
  kid: alg,
  use: "sig",
});
const keys = [
  key("rsa", { modulusLength: 2048 }, "RS256"),
  key("rsa", { modulusLength: 2048 }, "PS256"),
  key("ec", { namedCurve: "P-256" }, "ES256"),
  key("ed25519", {}, "EdDSA"),
];

const { chain_pem: cert, key_pem } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const server = createServer({ cert, key: key_pem });
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `https://localhost:${server.address().port}`;

const provider = new Provider(issuer, {
  jwks: { keys },
  clients: [
    {
      client_id: "build",
      client_secret: "a secret of the build",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  // urn:RS256:sts.example.org asks for a token for sts.example.org that is signed with RS256.
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(_, resource) {
        const [, alg, audience] = resource.split(":");
        return { scope: "", audience, accessTokenFormat: "jwt", accessTokenTTL: 600, jwt: { sign: { alg } } };
      },
    },
  },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
  extraTokenClaims: () => ({
    "https://aws.amazon.com/tags": { principal_tags: { project: ["web"] }, transitive_tag_keys: ["project"] },
  }),
});
server.on("request", provider.callback());
console.log(`issuer\t${issuer}`);
