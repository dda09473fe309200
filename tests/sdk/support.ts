// What the scenarios share: connections of the official SDK to the host under test, and waiting with a deadline.
import assert from 'node:assert/strict';
import { WebSocket as UndiciWebSocket } from 'undici';
import { DbConnection } from './generated/index.js';

const HOST = required('SPACES_HOST');
const DATABASE = required('SPACES_DATABASE');
export const PROTOCOL = required('SPACES_PROTOCOL'); // the only subprotocol that is offered
export const SUFFIX = required('SPACES_SUFFIX'); // makes usernames unique: scenarios share one host
const DEADLINE_MS = 20_000;

const open: DbConnection[] = [];
export const negotiated: string[] = [];

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

class OneProtocolWebSocket extends UndiciWebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols.filter(protocol => protocol === PROTOCOL));
    this.addEventListener('open', () => negotiated.push(this.protocol));
  }
}
(globalThis as { WebSocket?: unknown }).WebSocket = OneProtocolWebSocket;

export type Client = { conn: DbConnection; identity: string; token: string };

/** Connects, with a token or as somebody new. */
export async function connect(token?: string): Promise<Client> {
  const client = await new Promise<Client>((resolve, reject) => {
    const conn = DbConnection.builder()
      .withUri(HOST)
      .withDatabaseName(DATABASE)
      .withToken(token)
      .onConnect((_conn, identity, given) => resolve({ conn, identity: identity.toHexString(), token: given }))
      .onConnectError((_ctx, error) => reject(error))
      .build();
    open.push(conn);
  });
  return client;
}

/** Connects as somebody new and takes a username. */
export async function register(name: string, isAgent = false): Promise<Client> {
  const client = await connect();
  await client.conn.reducers.registerUser({ username: `${name}-${SUFFIX}`, displayName: undefined, isAgent });
  return client;
}

type Builder = ReturnType<DbConnection['subscriptionBuilder']>;
type Handle = ReturnType<Builder['subscribe']>;

/** Subscribes, and returns the handle once the rows are in the cache. */
export async function subscribe(client: Client, ...queries: string[]): Promise<Handle> {
  return await subscribed(client, builder => builder.subscribe(queries));
}

/** The same for a subscription that is begun by a function, so that typed queries can be used. */
export async function subscribed(client: Client, begin: (builder: Builder) => Handle): Promise<Handle> {
  return await new Promise((resolve, reject) => {
    const handle: Handle = begin(
      client.conn
        .subscriptionBuilder()
        .onApplied(() => resolve(handle))
        .onError(ctx => reject(ctx.event ?? new Error('refused')))
    );
  });
}

/** Waits until a condition holds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) assert.fail(`${what} did not happen`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

/** The only element, and an error if there are more or none. */
export function only<T>(items: Iterable<T>): T {
  const [first, ...rest] = [...items];
  assert.equal(rest.length, 0, 'there is more than one');
  assert.ok(first !== undefined, 'there is none');
  return first;
}

export function closeAll(): void {
  for (const conn of open) conn.disconnect();
}
