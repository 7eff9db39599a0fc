'use strict';
const { settings, assert, call, refused } = require('./calls.js');
const { CrowdApplication } = require('crowd-ts');

const crowd = new CrowdApplication({ baseURL: settings.url + '/crowd', auth: { username: settings.name, password: settings.password } });
const names = (list) => list.map((item) => item.name).sort();

(async () => {
	await call('user.get', () => crowd.user.get({ name: 'alice', expand: true }), (u) => assert.equal(u.displayname, 'Alice Ampère'));
	await call('user.list', () => crowd.user.list(), (u) => assert.equal(u.length, 8));
	await call('user.search', () => crowd.user.search({ restriction: 'active = false' }), (u) => assert.deepEqual(names(u), ["o'neil"]));
	await call('user.getGroups', () => crowd.user.getGroups({ name: 'alice', nested: true }), (g) => assert.deepEqual(names(g), ['R&D <lab>', 'everybody', 'staff']));
	await call('group.get', () => crowd.group.get({ name: 'staff' }), (g) => assert.equal(g.name, 'staff'));
	await call('group.list', () => crowd.group.list(), (g) => assert.equal(g.length, 7));
	await call('group.search', () => crowd.group.search({ restriction: 'name = loop*' }), (g) => assert.deepEqual(names(g), ['loop a', 'loop b']));
	await call('group.getMemberships', () => crowd.group.getMemberships(), (m) => assert.deepEqual(m.staff.users.sort(), ['Bob', 'alice']));
	await refused('user.get of nobody', () => crowd.user.get({ name: 'nobody' }));

	const kim = { name: 'kim', active: true, firstname: 'Kim', lastname: 'K', displayname: 'Kim K', email: 'kim@example.org', password: 'correct horse' };
	await call('user.create', () => crowd.user.create(kim), (u) => assert.equal(u.email, 'kim@example.org'));
	await call('user.update', () => crowd.user.update({ ...kim, email: 'k@example.org' }));
	await call('user.authenticate', () => crowd.user.authenticate({ name: 'kim', password: 'correct horse' }), (u) => assert.equal(u.name, 'kim'));
	await refused('user.authenticate wrongly', () => crowd.user.authenticate({ name: 'kim', password: 'wrong' }));
	await call('user.setAttributes', () => crowd.user.setAttributes({ name: 'kim', attributes: { team: 'red' } }));
	await call('user.getAttributes', () => crowd.user.getAttributes({ name: 'kim' }), (a) => assert.equal(String(a.team), 'red'));
	await call('user.removeAttribute', () => crowd.user.removeAttribute({ name: 'kim', attribute: 'team' }));
	await call('group.create', () => crowd.group.create({ name: 'rowers', active: true, description: 'of boats' }));
	await call('user.addGroup', () => crowd.user.addGroup({ name: 'kim', groupname: 'rowers' }));
	await call('user.removeGroup', () => crowd.user.removeGroup({ name: 'kim', groupname: 'rowers' }));
	await call('group.addUser', () => crowd.group.addUser({ name: 'rowers', username: 'kim' }));
	await call('group.removeUser', () => crowd.group.removeUser({ name: 'rowers', username: 'kim' }));
	await call('session.create', async () => {
		const session = await crowd.session.create({ name: 'kim', password: 'correct horse' });
		assert.equal((await crowd.session.get({ token: session.token, expand: true })).user.name, 'kim');
		await crowd.session.remove({ token: session.token });
	});
	await call('group.remove', () => crowd.group.remove({ name: 'rowers' }));
	await call('user.remove', () => crowd.user.remove({ name: 'kim' }));
	await call('config.get', () => crowd.config.get(), (c) => assert.equal(c.name, 'crowd.token_key'));
})();
