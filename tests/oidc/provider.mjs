// A real OpenID provider for the tests: oidc-provider with two clients, people by their login name, and orders for what goes wrong.
//
// node provider.mjs '{"host": "127.0.0.1", "port": 4000, "clients": {"id": ["https://…/callback/"]}, "secret": "…"}'
//
// POST /orders takes JSON: "people": {login: claims}; "token": claims put into the next ID tokens (null takes one out); "signing":
// "other-key", "no-kid", "none" or "our-secret"; "token_status": an HTTP status for the token endpoint. What an order leaves out is as it was made.

import * as jose from "jose";
import Provider from "oidc-provider";

const { host, port, clients, secret } = JSON.parse(process.argv[2]);
const issuer = `http://${host}:${port}`;
const ALGORITHM = "RS256";
const KEY_ID = "one";

async function newKey() {
  const { privateKey } = await jose.generateKeyPair(ALGORITHM, { extractable: true });
  return { privateKey, jwk: { ...(await jose.exportJWK(privateKey)), kid: KEY_ID, alg: ALGORITHM, use: "sig" } };
}

const ours = await newKey();
const another = await newKey();
let orders = { people: {} };

const provider = new Provider(issuer, {
  clients: Object.entries(clients).map(([client_id, redirect_uris]) => ({
    client_id,
    client_secret: secret,
    redirect_uris,
    token_endpoint_auth_method: "client_secret_post",
  })),
  jwks: { keys: [ours.jwk] },
  cookies: { keys: ["only for tests"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  scopes: ["openid", "email", "profile"],
  acrValues: ["strong"],
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  ttl: { AccessToken: 60, AuthorizationCode: 60, Grant: 600, IdToken: 60, Interaction: 600, Session: 86400 },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  async findAccount(ctx, sub) {
    return { accountId: sub, claims: () => ({ sub, ...orders.people[sub] }) };
  },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
});

const PAGE = `<!doctype html><html lang="en"><title>Sign in to the organisation</title><main><h1>Sign in to the organisation</h1><form method="post">
<p><label>Login name <input name="login" autofocus></label><p><button name="go" value="in">Sign in</button>
<button name="go" value="cancel">Cancel</button></form></main></html>`;

async function posted(ctx) {
  let body = "";
  for await (const part of ctx.req) body += part;
  return body;
}

async function interact(ctx) {
  const { prompt } = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method !== "POST") {
    ctx.type = "html";
    ctx.body = PAGE;
    return;
  }
  const answers = new URLSearchParams(await posted(ctx));
  const result =
    answers.get("go") === "cancel"
      ? { error: "access_denied", error_description: "the person cancelled" }
      : { [prompt.name]: { accountId: answers.get("login"), acr: answers.get("acr") || undefined, remember: true } };
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
}

async function asOrdered(token) {
  const claims = { ...jose.decodeJwt(token), ...orders.token };
  for (const name of Object.keys(claims)) if (claims[name] === null) delete claims[name];
  const signed = (key, header) => new jose.SignJWT(claims).setProtectedHeader(header).sign(key);
  switch (orders.signing) {
    case "other-key":
      return signed(another.privateKey, { alg: ALGORITHM, kid: KEY_ID });
    case "no-kid":
      return signed(ours.privateKey, { alg: ALGORITHM });
    case "none":
      return new jose.UnsecuredJWT(claims).encode();
    case "our-secret":
      return signed(new TextEncoder().encode(secret), { alg: "HS256", kid: KEY_ID });
    default:
      return signed(ours.privateKey, { alg: ALGORITHM, kid: KEY_ID });
  }
}

provider.use(async (ctx, next) => {
  if (ctx.path === "/orders") {
    orders = { people: {}, ...JSON.parse(await posted(ctx)) };
    ctx.body = {};
    return;
  }
  if (ctx.path.startsWith("/interaction/")) {
    await interact(ctx);
    return;
  }
  if (ctx.path === "/token" && orders.token_status) {
    ctx.status = orders.token_status;
    ctx.body = { error: "server_error" };
    return;
  }
  await next();
  if (ctx.path === "/token" && ctx.body?.id_token && (orders.token || orders.signing)) {
    ctx.body = { ...ctx.body, id_token: await asOrdered(ctx.body.id_token) };
  }
});

process.stdin.resume().on("end", () => process.exit()); // whoever started it is gone

provider.listen(port, "127.0.0.1", () => console.log(`ready at ${issuer}`));
