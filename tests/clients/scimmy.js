/* SCIMMY has no transport of its own: it makes what is sent, and judges what comes back by its own schemas. */
'use strict';
const { settings, assert, call } = require('./calls.js');
const { default: SCIMMY } = require('scimmy');

SCIMMY.Schemas.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
const ask = async (method, path, body) => {
	const answer = await fetch(`${settings.url}/${path}`, { method, body: body && JSON.stringify(body),
		headers: { Authorization: `Bearer ${settings.token}`, ...(body && { 'Content-Type': 'application/scim+json' }) } });
	const text = await answer.text();
	return { status: answer.status, body: text ? JSON.parse(text) : null };
};
/* Answers and lists as SCIMMY reads them; it throws what does not fit. */
const user = (said) => SCIMMY.Schemas.User.definition.coerce(said, 'out');
const group = (said) => SCIMMY.Schemas.Group.definition.coerce(said, 'out');
const listed = (said) => {
	assert.deepEqual(said.schemas, [SCIMMY.Messages.ListResponse.id]);
	return new SCIMMY.Messages.ListResponse(said, { startIndex: said.startIndex, itemsPerPage: said.itemsPerPage });
};
const patch = (...operations) => new SCIMMY.Messages.PatchOp({ schemas: [SCIMMY.Messages.PatchOp.id], Operations: operations });
const plain = (resource) => JSON.parse(JSON.stringify(resource));

(async () => {
	let kim, staff;
	await call('Schemas.User: create', async () => ask('POST', 'Users', plain(new SCIMMY.Schemas.User({ userName: 'kim', name: { givenName: 'Kim' }, emails: [{ value: 'kim@example.org', type: 'work' }] }, 'in'))),
		(a) => { assert.equal(a.status, 201); kim = user(a.body); assert.equal(kim.name.givenName, 'Kim'); });
	await call('Schemas.Group: create', async () => ask('POST', 'Groups', plain(new SCIMMY.Schemas.Group({ displayName: 'staff', members: [{ value: kim.id }] }, 'in'))),
		(a) => { assert.equal(a.status, 201); staff = group(a.body); assert.equal(staff.members[0].value, kim.id); });
	await call('Schemas.User: get', () => ask('GET', `Users/${kim.id}`), (a) => { const u = user(a.body); assert.equal(u.meta.resourceType, 'User'); assert.equal(u.groups[0].value, staff.id); });
	await call('Messages.PatchOp: replace', () => ask('PATCH', `Users/${kim.id}`, patch({ op: 'replace', path: 'title', value: 'Rower' })), (a) => { assert.equal(a.status, 200); assert.equal(user(a.body).title, 'Rower'); });
	await call('Messages.PatchOp: remove member', () => ask('PATCH', `Groups/${staff.id}`, patch({ op: 'remove', path: `members[value eq "${kim.id}"]` })), (a) => assert.equal(a.status, 204));
	await call('Types.Filter: list', () => ask('GET', `Users?filter=${encodeURIComponent(new SCIMMY.Types.Filter('userName eq "KIM" and active eq true').expression)}`),
		(a) => { const l = listed(a.body); assert.equal(l.totalResults, 1); assert.equal(user(a.body.Resources[0]).userName, 'kim'); });
	await call('Messages.SearchRequest: search', () => ask('POST', 'Users/.search', plain(new SCIMMY.Messages.SearchRequest({ schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], filter: 'title pr', count: 5 }))),
		(a) => assert.equal(listed(a.body).totalResults, 1));
	await call('Messages.ErrorResponse: uniqueness', () => ask('POST', 'Users', { userName: 'KIM' }),
		(a) => { const e = new SCIMMY.Messages.ErrorResponse({ status: Number(a.body.status), scimType: a.body.scimType, detail: a.body.detail }); assert.equal(a.status, 409); assert.equal(e.status, '409'); assert.equal(e.scimType, 'uniqueness'); });
	await call('Schemas: declared as SCIMMY knows them', () => ask('GET', 'Schemas'), (a) => {
		for (const schema of [SCIMMY.Schemas.User, SCIMMY.Schemas.Group]) {
			const ours = a.body.Resources.find((s) => s.id === schema.definition.id);
			for (const attribute of ours.attributes.filter((one) => !['id', 'externalId', 'meta', 'schemas'].includes(one.name))) {
				const theirs = schema.definition.attribute(attribute.name);
				assert.equal(attribute.type, theirs.type, attribute.name);
				assert.equal(attribute.multiValued, theirs.config.multiValued, attribute.name);
			}
		}
	});
	await call('delete', async () => [await ask('DELETE', `Groups/${staff.id}`), await ask('DELETE', `Users/${kim.id}`)], (a) => assert.deepEqual(a.map((one) => one.status), [204, 204]));
})();
