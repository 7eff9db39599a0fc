/* What the scripts share: each call is made, its answer looked at, and one line is printed of it. */
'use strict';
const assert = require('assert');

exports.settings = JSON.parse(process.argv[2]);
exports.assert = assert;

exports.call = async (name, make, look) => {
	let problem = null;
	try {
		const answer = await make();
		if (look)
			look(answer);
	} catch (error) {
		problem = String(error && (error.message || JSON.stringify(error)));
		if (error && error.response)
			problem += ' ' + error.response.status + ' ' + JSON.stringify(error.response.data);
	}
	process.stdout.write(JSON.stringify({ call: name, problem }) + '\n');
};

/* Made to fail: it passes if it does. */
exports.refused = (name, make) => exports.call(name, () => make().then(() => { throw new Error('was not refused'); }, () => null));
