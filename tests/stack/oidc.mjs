// oidc.mjs - a certified OpenID provider (npm oidc-provider) with two people, for test_real_provider.py.
// usage: node oidc.mjs PORT      says "ready" when it listens
import http from 'node:http';
import { Provider } from 'oidc-provider';

const port = Number(process.argv[2]);
const people = {
  anna: { email: 'anna@oidc.example', email_verified: true },
  otto: { email: 'otto@oidc.example', email_verified: false },
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'mail',
    redirect_uris: ['http://127.0.0.1:9/callback'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
  }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
  pkce: { methods: ['S256'], required: () => true },
  cookies: { keys: ['for these tests only'] },
  findAccount: (_, id) => (people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
});

http.createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('ready'));
