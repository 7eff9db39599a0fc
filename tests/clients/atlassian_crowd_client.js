'use strict';
const { settings, assert, call, refused } = require('./calls.js');
const CrowdClient = require('atlassian-crowd-client');
const User = require('atlassian-crowd-client/lib/models/user');
const Group = require('atlassian-crowd-client/lib/models/group');
const Attributes = require('atlassian-crowd-client/lib/models/attributes');

const crowd = new CrowdClient({ baseUrl: settings.url + '/crowd/', application: { name: settings.name, password: settings.password } });
const names = (list) => list.slice().sort();

(async () => {
	await call('user.get', () => crowd.user.get('alice'), (u) => assert.equal(u.email, 'alice@example.org'));
	await call('user.get with attributes', () => crowd.user.get('jürgen', true), (u) => assert.equal(u.displayname, 'Jürgen Groß'));
	await refused('user.get of nobody', () => crowd.user.get('nobody'));
	await call('user.groups.list', () => crowd.user.groups.list('alice'), (g) => assert.deepEqual(g, ['staff']));
	await call('user.groups.list nested', () => crowd.user.groups.list('alice', true), (g) => assert.deepEqual(names(g), ['R&D <lab>', 'everybody', 'staff']));
	await call('user.groups.get', () => crowd.user.groups.get('alice', 'everybody', true), (g) => assert.equal(g, 'everybody'));
	await call('group.get', () => crowd.group.get('R&D <lab>'), (g) => assert.equal(g.groupname, 'R&D <lab>'));
	await call('group.users.list', () => crowd.group.users.list('staff'), (u) => assert.deepEqual(names(u), ['Bob', 'alice']));
	await call('group.users.list expanded', () => crowd.group.users.list('staff', true, 0, 1, true), (u) => assert.equal(u[0].email.split('@')[1], 'example.org'));
	await call('group.users.get', () => crowd.group.users.get('staff', 'alice'), (u) => assert.equal(u, 'alice'));
	await call('group.parents.list', () => crowd.group.parents.list('staff'), (g) => assert.deepEqual(names(g), ['R&D <lab>', 'everybody']));
	await call('group.parents.get', () => crowd.group.parents.get('night shift', 'everybody', true), (g) => assert.equal(g, 'everybody'));
	await call('group.children.list', () => crowd.group.children.list('everybody', true), (g) => assert.deepEqual(names(g), ['R&D <lab>', 'night shift', 'staff']));
	await call('group.children.get', () => crowd.group.children.get('everybody', 'staff'), (g) => assert.equal(g.name, 'staff'));
	await call('search.user', () => crowd.search.user('email = "*@example.org" and active = false'), (u) => assert.deepEqual(u, ["o'neil"]));
	await call('search.user expanded', () => crowd.search.user('name = alice', true), (u) => assert.equal(u[0].displayname, 'Alice Ampère'));
	await call('search.group', () => crowd.search.group('name = loop*'), (g) => assert.deepEqual(names(g), ['loop a', 'loop b']));

	await call('user.create', () => crowd.user.create(new User('Zoë', 'Z', 'Zoë Z', 'zoe@example.org', 'zoe', 'correct horse')),
		(u) => assert.equal(u.displayname, 'Zoë Z'));
	await refused('user.create twice', () => crowd.user.create(new User('Zoë', 'Z', 'Zoë Z', 'zoe@example.org', 'ZOE', 'correct horse')));
	await call('user.update', () => crowd.user.update('zoe', new User('Zoë', 'Zed', 'Zoë Zed', 'zed@example.org', 'zoe')),
		(u) => assert.equal(u.email, 'zed@example.org'));
	await call('authentication.authenticate', () => crowd.authentication.authenticate('zoe', 'correct horse'), (u) => assert.equal(u.username, 'zoe'));
	await refused('authentication.authenticate wrongly', () => crowd.authentication.authenticate('zoe', 'wrong'));
	await call('user.password.set', () => crowd.user.password.set('zoe', 'another horse'));
	await call('user.attributes.set', () => crowd.user.attributes.set('zoe', new Attributes({ team: 'red' })), (a) => assert.equal(a.attributes.team, 'red'));
	await call('user.attributes.list', () => crowd.user.attributes.list('zoe'), (a) => assert.equal(a.attributes.team, 'red'));
	await call('user.attributes.remove', () => crowd.user.attributes.remove('zoe', 'team'));
	await call('session.create', async () => {
		const session = await crowd.session.create('zoe', 'another horse');
		await crowd.session.validate(session.token);
		assert.equal((await crowd.session.getUser(session.token)).username, 'zoe');
		await crowd.session.remove(session.token);
	});
	await call('session.createUnvalidated', async () => crowd.session.removeAll('zoe', (await crowd.session.createUnvalidated('zoe')).token));
	await call('group.create', () => crowd.group.create(new Group('painters', 'of walls')), (g) => assert.equal(g.description, 'of walls'));
	await call('group.update', () => crowd.group.update('painters', new Group('painters', 'of doors')), (g) => assert.equal(g.description, 'of doors'));
	await call('group.attributes.set', () => crowd.group.attributes.set('painters', new Attributes({ paint: 'red' })), (a) => assert.equal(a.attributes.paint, 'red'));
	await call('group.attributes.list', () => crowd.group.attributes.list('painters'), (a) => assert.equal(a.attributes.paint, 'red'));
	await call('group.attributes.remove', () => crowd.group.attributes.remove('painters', 'paint'));
	await call('group.users.add', () => crowd.group.users.add('painters', 'zoe'));
	await call('group.users.remove', () => crowd.group.users.remove('painters', 'zoe'));
	await call('user.groups.add', () => crowd.user.groups.add('zoe', 'painters'));
	await call('user.groups.remove', () => crowd.user.groups.remove('zoe', 'painters'));
	await call('group.create another', () => crowd.group.create(new Group('artists')));
	await call('group.children.add', () => crowd.group.children.add('artists', 'painters'));
	await call('group.children.remove', () => crowd.group.children.remove('artists', 'painters'));
	await call('group.parents.add', () => crowd.group.parents.add('painters', 'artists'));
	await call('user.rename', () => crowd.user.rename('zoe', 'zoe.zed'));
	await refused('user.update of a synced user', () => crowd.user.update('alice', new User('A', 'A', 'A', 'a@example.org', 'alice')));
	await call('group.remove', async () => { await crowd.group.remove('painters'); await crowd.group.remove('artists'); });
	await call('user.remove', () => crowd.user.remove('zoe.zed'));
	await call('config.cookie', () => crowd.config.cookie(), (c) => assert.equal(c.name, 'crowd.token_key'));
})();
