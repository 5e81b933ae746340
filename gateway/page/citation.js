// The explanation with what each part of it rests on.
import { el, span, when, withUnit, words } from './dom.js';
import { hasString, t } from './strings.js';

const encoder = new TextEncoder(), decoder = new TextDecoder();

// Citations count bytes of UTF-8; a Korean letter has three.  [text, citation or null] in order.
export function pieces(text, citations) {
	const bytes = encoder.encode(text), list = [];
	let at = 0;

	const part = (from, to) => decoder.decode(bytes.subarray(from, to));
	const splits = (place) => (bytes[place] & 0xc0) === 0x80; // in the midst of a letter
	for (const citation of [...citations].sort((a, b) => a.from - b.from)) {
		if (citation.from < at || citation.to <= citation.from || citation.to > bytes.length
			|| splits(citation.from) || splits(citation.to))
			continue;
		if (citation.from > at)
			list.push([part(at, citation.from), null]);
		list.push([part(citation.from, citation.to), citation]);
		at = citation.to;
	}
	if (at < bytes.length)
		list.push([part(at, bytes.length), null]);
	return list;
}

// "c2.value" -> { index: 1, what: "value" }; "onset" -> { index: -1, what: "onset" }
export function parse(reference) {
	const match = /^c(\d)\.(.+)$/.exec(reference);

	return match ? { index: Number(match[1]) - 1, what: match[2] } : { index: -1, what: reference };
}

// Which marks of the chart show it (page.css); what the readings did is shown since the onset.
const marks = {
	name: 'name', value: 'value', normal: 'expected', dev: 'gap', dir: 'gap', above: 'gap', below: 'gap',
	slight: 'gap', strong: 'gap', limit: 'limit', over_limit: 'limit', under_limit: 'limit', from: 'from', now: 'now', onset: 'onset', duration: 'since',
};

export function markOf(reference) {
	const { index, what } = parse(reference);

	return marks[what] ?? (index >= 0 ? 'since' : '');
}

// What the statistic of a claim counts (gateway/core/claim.h); the string of the same name says it.
const kinds = {
	above: 'spreads', below: 'spreads', rose: 'spreads', fell: 'spreads', slight: 'spreads', strong: 'spreads', back: 'spreads',
	sudden: 'rows', still: 'rows', spikes: 'rows', after: 'rows', before: 'rows', with: 'rows',
	gradual: 'correlation', swings: 'correlation', growing: 'times', noisy: 'times', calm: 'times', lost: 'share',
	over_limit: 'unit', under_limit: 'unit', 'others.steady': 'spreads', 'others.off': 'spreads', dev: 'spreads',
	value: 'unit', normal: 'unit', limit: 'unit', from: 'unit', now: 'unit', onset: 'time', duration: 'span', 'seen.time': 'time',
};

// What a reference says; a claim that is not known here is told by its name.
function meaning(what, index) {
	const key = what.replace('.', '_');

	if (hasString(`ref_${key}`))
		return t(`ref_${key}`);
	if (hasString(`claim_${key}`))
		return t(`claim_${key}`);
	return index >= 0 ? t('ref_claim', words(what)) : words(what);
}

// The number itself, as exact as it is known.
function rawValue(what, value, channel) {
	if (value === null || value === undefined)
		return '';
	switch (kinds[what]) {
	case 'time':
		return new Date(value * 1000).toISOString();
	case 'span':
		return `${span(value * 1000)} (${value} s)`;
	case 'unit':
		return channel?.unit ? `${value} ${channel.unit}` : String(value);
	case undefined:
		return String(value);
	default:
		return t(kinds[what], kinds[what] === 'share' ? Math.round(value * 1000) / 10 : value);
	}
}

// The sentence below the explanation: what is meant, of which channel, the raw value.
export function describe(citation, event) {
	const { index, what } = parse(citation.reference);
	const channel = event.channels[index];
	const raw = rawValue(what, citation.value, channel);
	const parts = [el('code', {}, citation.reference), ' ', meaning(what, index)];

	if (channel)
		parts.push(' · ', el('strong', {}, channel.channel));
	if (raw)
		parts.push(' · ', el('strong', { class: 'raw' }, raw));
	if (channel && (what === 'value' || what === 'dev') && channel.time)
		parts.push(` · ${when(channel.time)}`);
	if (channel && what === 'value')
		parts.push(` · ${t('expected')} ${withUnit(channel.expected, channel.unit)}`);
	if (channel && what === 'dev')
		parts.push(` · ${withUnit(channel.value, channel.unit)} − ${withUnit(channel.expected, channel.unit)}`);
	if (what === 'fault' && event.fault_probability > 0)
		parts.push(` · ${t('sure', Math.round(event.fault_probability * 100))}`);
	return parts;
}

// Words with their citations as buttons in the line; `show(citation or null, pinned)` when one is pointed
// at, focused or chosen.
export function explanation(event, show) {
	let pinned = null;

	const choose = (citation, button, root) => {
		pinned = pinned === citation ? null : citation;
		for (const other of root.querySelectorAll('.cite'))
			other.setAttribute('aria-pressed', other === button && pinned !== null);
		show(pinned ?? citation);
	};
	return pieces(event.explanation, event.citations).map(([text, citation], i) => {
		if (!citation)
			return document.createTextNode(text);
		const button = el('span', {
			class: 'cite', role: 'button', tabindex: 0, 'aria-pressed': 'false', 'aria-controls': 'statistic',
			'data-key': `cite-${i}`, 'data-reference': citation.reference,
			onpointerenter: () => show(citation), onpointerleave: () => show(pinned),
			onfocus: () => show(citation), onblur: () => show(pinned),
		}, text);
		button.addEventListener('click', () => choose(citation, button, button.parentElement));
		button.addEventListener('keydown', (e) => {
			if (e.key !== 'Enter' && e.key !== ' ')
				return;
			e.preventDefault();
			choose(citation, button, button.parentElement);
		});
		return button;
	});
}
