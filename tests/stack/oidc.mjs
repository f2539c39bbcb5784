// oidc.mjs - a certified OpenID provider (npm oidc-provider), as often as it is asked for, for test_real_provider.py.
// usage: node oidc.mjs NAME=PORT...    says "ready" when all listen; each is an issuer of its own. anna@NAME.example has
//        a verified address there; otto's, and that of whoever else signs in, is not verified.
// On standard input: "rotate NAME" gives it a new signing key, published beside the old ones; answers "rotated".
import http from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import readline from 'node:readline';
import { Provider } from 'oidc-provider';

const RESOURCE = 'https://mail.example/';

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

function publicClient(id) {
  return {
    client_id: id,
    redirect_uris: ['http://127.0.0.1:9/callback'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
  };
}

const introspecting = {
  client_id: 'postern',
  client_secret: 'a secret: with %, & and +',
  redirect_uris: [],
  response_types: [],
  grant_types: [],
};

function configuration(name, keys) {
  const person = (id) => ({ email: `${id}@${name}.example`, email_verified: id === 'anna' });
  return {
    clients: [publicClient('mail'), publicClient('brief'), publicClient('otherapp'), introspecting],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    jwks: { keys },
    ttl: { AccessToken: (ctx, token, client) => (client.clientId === 'brief' ? 5 : 3600) },
    // Without an address in it a token for a resource names nobody: userinfo refuses such tokens.
    extraTokenClaims: (ctx, token) => (token.resourceServer ? person(token.accountId) : undefined),
    features: {
      devInteractions: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ scope: 'mail', audience: RESOURCE, accessTokenTTL: undefined, accessTokenFormat: 'jwt' }),
        useGrantedResource: () => true,
      },
    },
    pkce: { methods: ['S256'], required: () => true },
    cookies: { keys: ['for these tests only'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...person(id) }) }),
  };
}

const running = {};

function renew(name) {
  const one = running[name];
  one.keys.unshift(newKey());
  one.answer = new Provider(`http://127.0.0.1:${one.port}`, configuration(name, one.keys)).callback();
}

for (const argument of process.argv.slice(2)) {
  const [name, port] = argument.split('=');
  running[name] = { port: Number(port), keys: [] };
  renew(name);
  await new Promise((listening) => {
    http.createServer((request, response) => running[name].answer(request, response)).listen(Number(port), '127.0.0.1', listening);
  });
}
console.log('ready');

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [word, name] = line.split(' ');
  if (word === 'rotate') {
    renew(name);
    console.log('rotated');
  }
}).on('close', () => process.exit(0));
