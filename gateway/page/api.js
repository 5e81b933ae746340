// The gateway: reading with tags, so that what has not changed is not sent again, and commands.

const TIMEOUT_MS = 8000;
const tags = new Map(); // address -> { etag, body }
const MAX_TAGS = 50;

function keep(address, etag, body) {
	tags.delete(address);
	tags.set(address, { etag, body });
	if (tags.size > MAX_TAGS)
		tags.delete(tags.keys().next().value);
}

export class Refused extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

async function reason(response) {
	try {
		return (await response.json()).error ?? response.statusText;
	} catch {
		return response.statusText;
	}
}

// { body, changed }; throws Refused when the gateway says no, TypeError when it is not there.
export async function get(address) {
	const known = tags.get(address);
	const response = await fetch(address, {
		headers: known ? { 'If-None-Match': known.etag } : {},
		cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS),
	});

	if (response.status === 304 && known)
		return { body: known.body, changed: false };
	if (!response.ok)
		throw new Refused(response.status, await reason(response));
	const body = await response.json();
	const etag = response.headers.get('ETag');
	if (etag)
		keep(address, etag, body);
	return { body, changed: true };
}

export async function command(event, what, members) {
	const response = await fetch(`/v1/events/${encodeURIComponent(event)}/${what}`, {
		method: 'POST', body: JSON.stringify(members), cache: 'no-store',
		headers: { 'Content-Type': 'application/json', 'X-Millwright': '1' },
		signal: AbortSignal.timeout(TIMEOUT_MS),
	});

	if (!response.ok)
		throw new Refused(response.status, await reason(response));
	return response.json();
}

export function query(members) {
	const pairs = Object.entries(members).filter(([, value]) => value !== '' && value !== undefined);

	return new URLSearchParams(pairs).toString();
}
