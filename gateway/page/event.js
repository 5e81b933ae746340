// One event in full, and what the operator does with it.
import { command } from './api.js';
import { chart } from './chart.js';
import { describe, explanation, markOf, parse } from './citation.js';
import { byId, el, number, replace, span, when, words } from './dom.js';
import { stateChip } from './lists.js';
import { hasString, t } from './strings.js';

const hours = [1, 8, 24, 168];
let shown = null; // the event on the page
let shownKey = '';

function facts(event) {
	const severity = el('span', { class: `chip severity-${event.severity}` }, t('severity', t(`severity_${event.severity}`)));
	const list = [stateChip(event.state), severity, el('span', {}, t('raised', when(event.raised)))];

	if (event.onset)
		list.push(el('span', {}, t(event.onset_before_window ? 'onset_earlier' : 'onset', when(event.onset))));
	if (event.cleared)
		list.push(el('span', {}, t('cleared', when(event.cleared), span(Date.parse(event.cleared) - Date.parse(event.raised)))));
	if (event.fault_probability > 0)
		list.push(el('span', {}, t('sure', Math.round(event.fault_probability * 100))));
	if (event.feedback)
		list.push(el('span', { class: `chip feedback-${event.feedback}` }, t(`feedback_${event.feedback}`)));
	return list;
}

// Below the words, and in the charts: what a cited part rests on.
function show(citation) {
	const statistic = byId('statistic');
	const index = citation ? parse(citation.reference).index : -1;
	const mark = citation ? markOf(citation.reference) : '';

	statistic.replaceChildren(...(citation ? describe(citation, shown) : [t('statistic_hint')]));
	statistic.classList.toggle('quiet', !citation);
	byId('charts').querySelectorAll('.chart').forEach((figure, i) => {
		figure.dataset.mark = index === i || (index < 0 && mark) ? mark : '';
	});
}

function showWords(event) {
	const paragraph = byId('explanation');

	paragraph.lang = event.language;
	replace(paragraph, explanation(event, show));
	show(null);
}

function showCharts(event) {
	const n = event.window?.channels.length ?? 0;

	byId('charts').replaceChildren(...(n > 0
		? event.window.channels.map((_, i) => chart(event, i)) : [el('p', { class: 'quiet' }, t('no_window'))]));
}

// Why a channel is held for the origin: codes, with the other channel that some of them speak of.
function reasons(cause) {
	const of = cause.of || '…';

	return cause.why.map((code) => (hasString(`why_${code}`) ? t(`why_${code}`, of) : words(code))).join(' · ');
}

function rankedCause(cause, language) {
	const share = Number.isFinite(cause.probability) ? t('probability', Math.round(cause.probability * 100)) : '';
	const part = (text) => (text ? el('div', { lang: language }, text) : null);

	return el('li', {}, el('strong', {}, cause.channel), cause.name ? el('span', { lang: language }, ` · ${cause.name}`) : null,
		share ? el('span', { class: 'share' }, share) : null, part(cause.cause), part(cause.check),
		cause.why.length ? el('div', { class: 'quiet' }, reasons(cause)) : null);
}

function showCauses(event) {
	const parts = [], terms = el('dl', {});

	if (event.causes?.length)
		parts.push(el('ol', { class: 'causes' }, ...event.causes.map((cause) => rankedCause(cause, event.language))));
	for (const key of ['cause', 'check'])
		if (event[key])
			terms.append(el('dt', {}, t(key)), el('dd', { lang: event.language }, event[key]));
	if (terms.children.length)
		parts.push(terms);
	byId('causes').replaceChildren(...(parts.length ? parts : [el('p', { class: 'quiet' }, t('no_cause'))]));
}

function similarItem(similar, nameOf) {
	const marks = [];

	if (similar.feedback)
		marks.push(el('span', { class: `chip feedback-${similar.feedback}` }, t(`feedback_${similar.feedback}`)));
	else if (similar.acknowledged)
		marks.push(el('span', { class: 'chip' }, t('was_acknowledged')));
	return el('li', {}, el('a', { href: `#${similar.id}`, 'data-key': similar.id }, `${when(similar.raised)} · ${nameOf(similar.fault)}`),
		' ', el('span', { class: 'quiet' }, t('alike', Math.round(similar.similarity * 100))), ' ', ...marks);
}

function showSimilar(event, nameOf) {
	replace(byId('similar'), event.similar.length
		? event.similar.map((similar) => similarItem(similar, nameOf)) : [el('li', { class: 'quiet' }, t('no_similar'))]);
}

function logItem(entry) {
	const what = entry.what === 'feedback' ? t(`log_${entry.said}`) : t(`log_${entry.what}`);

	return el('li', {}, el('time', { datetime: entry.recorded }, when(entry.recorded)), ' ', what,
		entry.who === 'millwright' ? null : el('span', { class: 'quiet' }, ` ${t('by', entry.who)}`),
		entry.note ? el('div', { class: 'said' }, entry.note) : null);
}

function showJudged(event) {
	const p = event.p_value > 0 ? t('p_value', number(Math.round(1 / event.p_value))) : '';

	byId('judged').textContent = t('judged', event.model, t(`form_${event.form}`), p);
}

// Only what the alarm's state allows (ISA-18.2); `present`: the machine's alarm is about this event.
export function showActions(present, alive) {
	if (!shown)
		return;
	const shelved = shown.state === 'shelved';

	byId('ack').disabled = !alive || !shown.state.startsWith('unacknowledged');
	byId('shelving').hidden = shelved || !present || shown.state === 'out-of-service';
	byId('shelve').disabled = byId('shelve-for').disabled = !alive;
	byId('unshelve').hidden = !shelved || !present;
	byId('unshelve').disabled = !alive;
	for (const button of byId('actions').querySelectorAll('[data-said]')) {
		button.disabled = !alive;
		button.setAttribute('aria-pressed', button.dataset.said === shown.feedback);
	}
}

// Draws the event; `again` even when nothing has changed (the language did).
export function showEvent(event, nameOf, again) {
	const key = `${event.id}/${event.sequence}`;
	const same = key === shownKey && !again;

	if (shown?.id !== event.id) {
		byId('outcome').textContent = '';
		byId('note').value = '';
	}
	shown = event;
	shownKey = key;
	byId('event-title').replaceChildren(el('span', {}, event.asset), ' · ', el('span', { lang: event.language }, event.fault_name));
	byId('event-facts').replaceChildren(...facts(event));
	if (!same) { // the rest of it does not change within a transition, and somebody may be reading
		showCharts(event);
		showWords(event);
		showCauses(event);
		showJudged(event);
	}
	showSimilar(event, nameOf);
	byId('log').replaceChildren(...(event.log ?? []).map(logItem));
}

export function forgetEvent() {
	shown = null;
	shownKey = '';
}

// --- commands -------------------------------------------------------------------------------------

async function tell(what, members, done) {
	const id = shown.id, outcome = byId('outcome');
	const note = byId('note').value.trim(), who = byId('who').value.trim();

	outcome.classList.remove('bad');
	try {
		await command(id, what, { ...members, ...(note ? { note } : {}), ...(who ? { who } : {}) });
		outcome.textContent = t(`done_${what}`);
		byId('note').value = '';
	} catch (error) {
		outcome.classList.add('bad');
		outcome.textContent = t('failed', error.message);
	}
	done();
}

export function fillDurations() {
	const select = byId('shelve-for'), kept = select.value || '8';

	select.replaceChildren(...hours.map((h) => el('option', { value: h }, t(`hours_${h}`))));
	select.value = kept;
}

// `done` is called after each: to read what came of it.
export function listenToActions(done) {
	byId('actions').addEventListener('submit', (event) => {
		event.preventDefault();
		if (!byId('ack').disabled)
			tell('ack', {}, done);
	});
	byId('shelve').addEventListener('click', () => tell('shelve', { duration_s: Number(byId('shelve-for').value) * 3600 }, done));
	byId('unshelve').addEventListener('click', () => tell('unshelve', {}, done));
	for (const button of byId('actions').querySelectorAll('[data-said]'))
		button.addEventListener('click', () => tell('feedback', { said: button.dataset.said }, done));
}
