// npm's oidc-provider as a token endpoint. Arguments: port, the clients as JSON.
import Provider from 'oidc-provider';

const [port, clients] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: JSON.parse(clients),
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  features: { clientCredentials: { enabled: true }, introspection: { enabled: true } },
  scopes: ['status:read'],
});
provider.listen(Number(port), '127.0.0.1');
