// The machines and the events.
import { byId, el, number, replace, when, words } from './dom.js';
import { t } from './strings.js';

const MACHINES_SHOWN = 24;
const urgency = ['unacknowledged-active', 'acknowledged-active', 'unacknowledged-returned', 'shelved', 'out-of-service', 'normal'];
// Shape beside colour, for those who do not see the difference.
const signs = {
	'unacknowledged-active': '▲', 'acknowledged-active': '△', 'unacknowledged-returned': '◆', shelved: '⏸',
	'out-of-service': '■', normal: '●',
};

export function stateChip(state) {
	return el('span', { class: `chip state-${state}` }, el('span', { 'aria-hidden': true }, `${signs[state] ?? ''} `), t(`state_${state}`));
}

// --- machines -------------------------------------------------------------------------------------

function verdictLine(machine) {
	if (machine.phase === 'learning')
		return [t('learning', machine.rows, machine.learn_rows)];
	if (machine.phase === 'calibrating')
		return [t('calibrating')];
	if (!machine.verdict)
		return [t('waiting')];
	return [el('meter', { min: 0, max: 1, high: 0.9, optimum: 0, value: machine.score ?? 0, 'aria-label': t('score_label') }),
		` ${t(`verdict_${machine.verdict}`)}, ${t('score', number(machine.score))}`];
}

function machineItem(machine, chosen, choose) {
	const times = [machine.time ? t('last_row', when(machine.time)) : ''];

	if (machine.shelved_until)
		times.unshift(`${t('state_shelved')} ${t('shelved_until', when(machine.shelved_until))}`);
	return el('li', {}, el('button', {
		type: 'button', class: `machine state-${machine.state}`, 'aria-pressed': chosen, 'data-key': machine.asset,
		onclick: () => choose(machine.asset),
	}, el('span', { class: 'machine-name' }, machine.asset), el('span', { class: 'quiet' }, t(`machine_${machine.machine}`)),
	stateChip(machine.state), el('span', { class: 'verdict' }, ...verdictLine(machine)), el('span', { class: 'quiet' }, times.filter(Boolean).join(' · '))));
}

// Alarms first, then by name.
function inOrder(machines) {
	return [...machines].sort((a, b) => urgency.indexOf(a.state) - urgency.indexOf(b.state) || a.asset.localeCompare(b.asset));
}

export function showMachines(machines, view, choose) {
	const wanted = view.find.toLowerCase();
	const found = inOrder(machines).filter((machine) => machine.asset.toLowerCase().includes(wanted));
	const listed = view.allMachines ? found : found.slice(0, MACHINES_SHOWN);
	const alarms = machines.filter((machine) => machine.open).length;
	const more = byId('all-machines');

	replace(byId('machine-list'), listed.map((machine) => machineItem(machine, machine.asset === view.asset, choose)));
	if (!machines.length)
		byId('machine-list').append(el('li', { class: 'quiet' }, t('no_machines')));
	byId('machine-count').textContent = t('machine_count', machines.length, alarms);
	more.hidden = listed.length === found.length;
	more.textContent = t('all_machines', found.length);
}

// --- events ---------------------------------------------------------------------------------------

function eventItem(event, open) {
	const marks = event.feedback ? [el('span', { class: `chip feedback-${event.feedback}` }, t(`feedback_${event.feedback}`))] : [];

	return el('li', {}, el('a', {
		href: `#${event.id}`, class: `event severity-${event.severity}`, 'data-key': event.id, 'aria-current': open ? 'true' : undefined,
	}, el('time', { datetime: event.raised }, when(event.raised)), el('span', { class: 'event-what' },
		el('strong', {}, event.asset), ' ', el('span', { lang: event.language }, event.fault_name)),
	el('span', { class: 'chips' }, stateChip(event.state), ...marks)));
}

export function showEvents(events, view) {
	const none = byId('no-events');

	replace(byId('event-list'), events.map((event) => eventItem(event, event.id === view.open)));
	none.hidden = events.length > 0;
	none.textContent = t('no_events');
}

// --- filters --------------------------------------------------------------------------------------

function fillSelect(select, options, value) {
	const known = options.some(([key]) => key === value);
	const all = [['', t('any')], ...options, ...(value && !known ? [[value, words(value)]] : [])];

	if (document.activeElement !== select) // it may be open just now
		select.replaceChildren(...all.map(([key, text]) => el('option', { value: key }, text)));
	select.value = value;
}

export function showFilters(machines, faults, view) {
	fillSelect(byId('by-asset'), machines.map((machine) => machine.asset).sort().map((name) => [name, name]), view.asset);
	fillSelect(byId('by-state'), [['active', t('active')], ['unacknowledged', t('unacknowledged')], ['shelved', t('state_shelved')],
		['normal', t('state_normal')]], view.state);
	fillSelect(byId('by-fault'), [...faults].sort((a, b) => a[1].localeCompare(b[1])), view.fault);
}
