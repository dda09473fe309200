// What the official SDK must see of a host, one function a scenario; run as: node scenarios.js NAME
import assert from 'node:assert/strict';
import { InternalError, SenderError } from 'spacetimedb';
import { type Message, tables } from './generated/index.js';
import * as support from './support.js';
import { connect, only, register, subscribe, subscribed, until, type Client } from './support.js';

const TEXT = { tag: 'text' as const };

/** Makes a server of one's own, and returns its general channel. */
async function ownChannel(owner: Client): Promise<{ serverId: bigint; channelId: bigint }> {
  const name = `server ${support.SUFFIX}`;
  await owner.conn.reducers.createServer({ name, description: undefined, iconUrl: undefined });
  await subscribe(owner, 'SELECT * FROM server', 'SELECT * FROM channel');
  const server = only([...owner.conn.db.server.iter()].filter(row => row.name === name));
  const channel = only([...owner.conn.db.channel.iter()].filter(row => row.serverId === server.id));
  return { serverId: server.id, channelId: channel.id };
}

async function send(client: Client, channelId: bigint, content: string): Promise<void> {
  await client.conn.reducers.sendMessage({ channelId, content, messageType: TEXT });
}

const scenarios: Record<string, () => Promise<void>> = {
  async anonymous_connections_are_different_identities() {
    const [first, second] = [await connect(), await connect()];
    assert.notEqual(first.identity, second.identity);
    assert.notEqual(first.token, second.token);
    assert.deepEqual(support.negotiated, [support.PROTOCOL, support.PROTOCOL]);
  },

  async a_saved_token_brings_the_same_identity_back() {
    const first = await register('returning');
    first.conn.disconnect();
    const again = await connect(first.token);
    assert.equal(again.identity, first.identity);
    assert.equal(again.token, first.token);
    await subscribe(again, `SELECT * FROM user_profile WHERE username = 'returning-${support.SUFFIX}'`);
    assert.equal(only(again.conn.db.userProfile.iter()).identity.toHexString(), first.identity);
  },

  async a_bad_token_is_refused() {
    await assert.rejects(connect('not.a.token'));
  },

  async rows_are_inserted_updated_and_deleted() {
    const ann = await register('ann');
    const { serverId, channelId } = await ownChannel(ann);
    const ben = await register('ben');
    await ben.conn.reducers.joinServer({ serverId });
    const heard: string[] = [];
    ben.conn.db.message.onInsert((ctx, row) => heard.push(`insert ${row.content} ${ctx.event.tag}`));
    ben.conn.db.message.onUpdate((_ctx, old, row) => heard.push(`update ${old.content} ${row.content}`));
    ben.conn.db.message.onDelete((_ctx, row) => heard.push(`delete ${row.content}`));
    const query = tables.message.where(row => row.channelId.eq(channelId).and(row.content.ne('hidden')));
    await subscribed(ben, builder => builder.subscribe(query));
    heard.length = 0;

    await send(ann, channelId, 'one');
    await send(ann, channelId, 'hidden');
    await until('the message', () => heard.length === 1);
    const message: Message = only([...ben.conn.db.message.iter()].filter(row => row.content === 'one'));
    assert.equal(message.sender.toHexString(), ann.identity);
    assert.equal(message.messageType.tag, 'text');
    assert.equal(message.editedAt, undefined);
    assert.equal(ben.conn.db.message.id.find(message.id)?.content, 'one');
    await ann.conn.reducers.editMessage({ messageId: message.id, content: 'two' });
    await until('the edit', () => heard.length === 2);
    assert.notEqual(ben.conn.db.message.id.find(message.id)?.editedAt, undefined);
    await ann.conn.reducers.deleteMessage({ messageId: message.id });
    await until('the deletion', () => heard.length === 3);
    await send(ben, channelId, 'mine');
    assert.deepEqual(heard, ['insert one Transaction', 'update one two', 'delete two', 'insert mine Reducer']);
  },

  async a_refusal_is_a_sender_error_and_an_unknown_reducer_an_internal_error() {
    const visitor = await connect();
    await assert.rejects(send(visitor, 1n, 'hi'), error => {
      assert.ok(error instanceof SenderError);
      assert.equal(error.message, 'Register first: call register_user.');
      return true;
    });
    await visitor.conn.reducers.registerUser({ username: `late-${support.SUFFIX}`, displayName: 'Late', isAgent: true });
    await assert.rejects(send(visitor, 1n, ''), { message: 'The message cannot be empty.' });
    await assert.rejects(visitor.conn.callReducer('no_such_reducer', new Uint8Array()), error => {
      assert.ok(error instanceof InternalError);
      assert.match(error.message, /no such reducer/);
      return true;
    });
    await assert.rejects(visitor.conn.callReducer('send_message', new Uint8Array([1])), InternalError);
    await assert.rejects(visitor.conn.callReducer('client_connected', new Uint8Array()), InternalError);
  },

  async typing_fires_an_insert_and_leaves_no_row() {
    const [ann, ben] = [await register('ann'), await register('ben')];
    const typing: string[] = [];
    let deleted = 0;
    ben.conn.db.typingIndicator.onInsert((_ctx, row) => typing.push(row.identity.toHexString()));
    ben.conn.db.typingIndicator.onDelete(() => (deleted += 1));
    await subscribe(ben, 'SELECT * FROM typing_indicator WHERE channel_id = 1');
    await ann.conn.reducers.startTyping({ channelId: 1n });
    await ann.conn.reducers.startTyping({ channelId: 1n });
    await until('typing', () => typing.filter(hex => hex === ann.identity).length === 2);
    assert.equal(ben.conn.db.typingIndicator.count(), 0n);
    assert.equal(deleted, 0);
  },

  async a_stranger_sees_no_row_of_a_channel_or_conversation_it_is_not_in() {
    const [ann, ben, eve] = [await register('ann'), await register('ben'), await register('eve')];
    const { serverId, channelId } = await ownChannel(ann);
    await send(ann, channelId, 'secret before');
    const watched = ['message', 'direct_message', 'direct_conversation', 'channel_head'];
    for (const client of [ben, eve]) await subscribe(client, ...watched.map(name => `SELECT * FROM ${name}`));
    const profile = (client: Client) => client.conn.identity!;
    await ann.conn.reducers.startDm({ recipient: profile(ben) });
    await until('the conversation', () => ben.conn.db.directConversation.count() === 1n);
    const conversationId = only(ben.conn.db.directConversation.iter()).id;
    await ann.conn.reducers.sendDm({ conversationId, content: 'for ben' });
    await send(ann, channelId, 'secret after');
    await until('the direct message', () => ben.conn.db.directMessage.count() === 1n);
    await send(ann, 1n, `public ${support.SUFFIX}`); // when eve has this, she has whatever was before it
    const isPublic = (row: Message) => row.content === `public ${support.SUFFIX}`;
    await until('the public message', () => [...eve.conn.db.message.iter()].some(isPublic));

    assert.equal(eve.conn.db.directMessage.count(), 0n);
    assert.equal(eve.conn.db.directConversation.count(), 0n);
    for (const client of [ben, eve]) {
      assert.ok(![...client.conn.db.message.iter()].some(row => row.content.startsWith('secret')));
      assert.ok(![...client.conn.db.channelHead.iter()].some(row => row.serverId === serverId));
    }
    await eve.conn.reducers.joinServer({ serverId });
    const secrets = () => [...eve.conn.db.message.iter()].filter(row => row.content.startsWith('secret'));
    await until('what eve may see as a member', () => secrets().length === 2);
    await eve.conn.reducers.leaveServer({ serverId });
    await until('what eve may see no more', () => secrets().length === 0);
  },

  async a_bad_query_is_refused_and_the_connection_lives_on() {
    const client = await register('asker');
    await assert.rejects(subscribe(client, 'SELECT * FROM no_such_table'), /no such table/i);
    await assert.rejects(subscribe(client, 'SELECT * FROM server', 'SELECT nonsense'));
    assert.equal(client.conn.db.server.count(), 0n);
    await subscribe(client, 'SELECT * FROM server WHERE id = 1');
    assert.equal(client.conn.db.server.count(), 1n);
  },

  async an_unsubscribed_set_takes_its_rows_with_it_but_not_those_of_others() {
    const client = await register('leaver');
    const deleted: bigint[] = [];
    client.conn.db.channel.onDelete((_ctx, row) => deleted.push(row.id));
    await subscribe(client, 'SELECT * FROM channel WHERE id = 1');
    const wide = await subscribe(client, 'SELECT * FROM channel WHERE server_id = 1');
    const before = client.conn.db.channel.count();
    assert.ok(before >= 3n);
    await new Promise<void>(resolve => wide.unsubscribeThen(() => resolve()));
    assert.equal(client.conn.db.channel.count(), 1n);
    assert.equal(BigInt(deleted.length), before - 1n);
    assert.ok(!deleted.includes(1n));
  },

  async a_large_snapshot_arrives_whole() {
    const ann = await register('ann');
    const { channelId } = await ownChannel(ann);
    const contents = Array.from({ length: 40 }, (_, i) => `${i} ${'ä'.repeat(1500)}`);
    for (const content of contents) await send(ann, channelId, content);
    const fresh = await connect(ann.token);
    await subscribed(fresh, builder => builder.subscribe(tables.message.where(row => row.channelId.eq(channelId))));
    assert.deepEqual([...fresh.conn.db.message.iter()].map(row => row.content).sort(), contents.sort());
  },

  async a_joined_query_follows_both_tables() {
    const [ann, ben] = [await register('ann'), await register('ben')];
    const query =
      'SELECT "p".* FROM "user_profile" "p" JOIN "user_presence" "s" ON "p"."identity" = "s"."identity" ' +
      `WHERE ("s"."online" = true) AND ("p"."username" = 'ben-${support.SUFFIX}')`;
    await subscribe(ann, query);
    const profiles = () => [...ann.conn.db.userProfile.iter()].map(row => row.identity.toHexString());
    assert.deepEqual(profiles(), [ben.identity]);
    ben.conn.disconnect();
    await until('ben to go', () => profiles().length === 0);
    await connect(ben.token);
    await until('ben to come back', () => profiles().length === 1);
  },

  async options_enums_and_lists_survive_in_both_directions() {
    const agent = await register('agent', true);
    await agent.conn.reducers.setAgentCard({ summary: 'does things', skills: ['a', 'b'], url: undefined });
    await subscribe(agent, 'SELECT * FROM agent_card', 'SELECT * FROM server_member', 'SELECT * FROM channel');
    const card = agent.conn.db.agentCard.identity.find(agent.conn.identity!);
    assert.deepEqual(card?.skills, ['a', 'b']);
    assert.equal(card?.url, undefined);
    const own = [...agent.conn.db.serverMember.iter()].filter(row => row.identity.isEqual(agent.conn.identity!));
    assert.equal(only(own).role.tag, 'agent');
    assert.equal(agent.conn.db.channel.id.find(2n)?.channelType.tag, 'agentLog');
  },
};

const name = process.argv[2] ?? '';
if (name === '--list') {
  console.log(Object.keys(scenarios).join('\n'));
  process.exit(0);
}
const scenario = scenarios[name];
if (scenario === undefined) throw new Error(`There is no scenario ${name}.`);
try {
  await scenario();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  support.closeAll();
  setTimeout(() => process.exit(), 100).unref();
}
