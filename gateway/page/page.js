// The operator page: asks the gateway every few seconds, draws what has changed, and says when nobody answers.
import { get, query, Refused } from './api.js';
import { byId, clock, words } from './dom.js';
import { fillDurations, forgetEvent, listenToActions, showActions, showEvent } from './event.js';
import { showEvents, showFilters, showMachines } from './lists.js';
import { readStored, store } from './storage.js';
import { language, setLanguage, t, translate } from './strings.js';

const POLL_MS = 2000, HIDDEN_POLL_MS = 20000;
const PAGE = 30;
const whoKey = 'millwright.who';

const view = { asset: '', state: '', fault: '', find: '', allMachines: false, open: '' };
const data = { status: null, machines: [], events: [], older: [], event: null, hasOlder: false };
const faults = new Map(); // code -> name, of the events seen
let alive = true, since = Date.now(), again = true, timer = 0, asking = false, wanted = false;
let arriving = false; // an event was chosen and is not on the page yet

// --- drawing --------------------------------------------------------------------------------------

function nameOf(code) {
	return faults.get(code) ?? words(code);
}

function drawLink() {
	const link = byId('link'), gone = byId('gone');
	const broker = data.status?.online === false;

	gone.hidden = alive;
	gone.textContent = alive ? '' : t('gone', clock(since));
	document.body.classList.toggle('stale', !alive);
	link.textContent = !alive ? '' : broker ? t('no_broker') : t('live');
	link.className = !alive ? '' : broker ? 'not-live' : 'live';
	byId('gateway').textContent = data.status?.gateway ?? '';
}

function listed() {
	const ids = new Set(data.events.map((event) => event.id));

	return [...data.events, ...data.older.filter((event) => !ids.has(event.id))];
}

function drawLists() {
	showMachines(data.machines, view, chooseMachine);
	showFilters(data.machines, faults, view);
	showEvents(listed(), view);
	byId('older').hidden = !data.hasOlder;
}

function drawEvent(anew) {
	const open = view.open !== '';

	document.body.classList.toggle('reading', open);
	byId('event').hidden = !open || data.event?.id !== view.open;
	if (byId('event').hidden)
		return;
	showEvent(data.event, nameOf, anew);
	drawActions();
	if (!arriving)
		return;
	arriving = false;
	byId('event').focus({ preventScroll: true });
	byId('event').scrollIntoView({ block: 'start' });
}

function drawActions() {
	const machine = data.machines.find((m) => m.asset === data.event?.asset);

	showActions(machine?.event === data.event?.id, alive);
}

function drawAll(anew) {
	drawLink();
	drawLists();
	drawEvent(anew);
}

// --- asking ---------------------------------------------------------------------------------------

function filters() {
	return {
		asset: view.asset, fault: view.fault, active: view.state === 'active' ? '1' : '',
		state: view.state === 'active' ? '' : view.state, limit: PAGE,
	};
}

function learnNames(events) {
	for (const event of events)
		faults.set(event.fault, event.fault_name);
}

async function readLists() {
	const [status, machines, events] = await Promise.all([
		get('/v1/status'), get('/v1/assets'), get(`/v1/events?${query(filters())}`)]);

	data.status = status.body;
	data.machines = machines.body.assets;
	data.events = events.body.events;
	learnNames(data.events);
	if (!data.older.length)
		data.hasOlder = data.events.length === PAGE;
	return machines.changed || events.changed;
}

// False: the same as before.
async function readEvent() {
	if (!view.open)
		return false;
	try {
		const { body, changed } = await get(`/v1/events/${view.open}`);
		const other = data.event?.id !== body.id;
		data.event = body;
		return changed || other;
	} catch (error) {
		if (!(error instanceof Refused) || error.status !== 404)
			throw error;
		location.hash = '';
		return false;
	}
}

async function read() {
	try {
		const lists = await readLists();
		return { lists, event: await readEvent() };
	} catch {
		return null;
	}
}

async function ask() {
	const anew = again, before = alive;

	again = false;
	const found = await read();
	alive = found !== null;
	again = again || (!alive && anew);
	drawLink();
	if (!alive) {
		drawActions();
		return;
	}
	since = Date.now();
	if (found.lists || anew || !before)
		drawLists();
	if (found.event || anew || !before)
		drawEvent(anew);
	else
		drawActions();
}

// One round at a time; who wants another while one runs gets it right after.
async function round() {
	clearTimeout(timer);
	if (asking) {
		wanted = true;
		return;
	}
	asking = true;
	do {
		wanted = false;
		await ask().catch(reportError); // a fault of the page does not end its polling
	} while (wanted);
	asking = false;
	timer = setTimeout(round, document.hidden ? HIDDEN_POLL_MS : POLL_MS);
}

async function readOlder() {
	const last = listed().at(-1);

	if (!last)
		return;
	const { body } = await get(`/v1/events?${query({ ...filters(), before: last.id })}`);
	learnNames(body.events);
	data.older = [...listed().slice(data.events.length), ...body.events];
	data.hasOlder = body.events.length === PAGE;
	drawLists();
}

// --- choosing -------------------------------------------------------------------------------------

function changeFilter(change) {
	Object.assign(view, change);
	data.older = [];
	again = true;
	round();
}

function chooseMachine(asset) {
	changeFilter({ asset: view.asset === asset ? '' : asset });
}

// #ev-... is an event; other anchors are places on the page.
function follow() {
	const hash = location.hash.slice(1);

	if (hash && !/^ev-[0-9a-f]{16}$/.test(hash))
		return;
	const left = view.open;
	view.open = hash;
	if (!hash) {
		data.event = null;
		forgetEvent();
		drawLists();
		drawEvent(false);
		document.querySelector(`#event-list [data-key="${left}"]`)?.focus();
		return;
	}
	arriving = again = true;
	round();
}

function changeLanguage(wantedLanguage) {
	setLanguage(wantedLanguage);
	translate(document);
	for (const button of document.querySelectorAll('[data-language]'))
		button.setAttribute('aria-pressed', button.dataset.language === language);
	fillDurations();
	drawAll(true);
}

function keepWho() {
	const who = byId('who');

	who.value = readStored(whoKey) ?? '';
	who.addEventListener('change', () => store(whoKey, who.value.trim()));
}

function listen() {
	for (const button of document.querySelectorAll('[data-language]'))
		button.addEventListener('click', () => changeLanguage(button.dataset.language));
	for (const [id, key] of [['by-asset', 'asset'], ['by-state', 'state'], ['by-fault', 'fault']])
		byId(id).addEventListener('change', (event) => changeFilter({ [key]: event.target.value }));
	byId('find').addEventListener('input', (event) => {
		view.find = event.target.value;
		drawLists();
	});
	byId('all-machines').addEventListener('click', () => {
		view.allMachines = true;
		drawLists();
	});
	byId('older').addEventListener('click', () => readOlder().catch(() => round()));
	listenToActions(() => round());
	addEventListener('hashchange', follow);
	document.addEventListener('visibilitychange', () => !document.hidden && round());
}

listen();
keepWho();
changeLanguage(language);
follow();
if (!location.hash)
	round();
