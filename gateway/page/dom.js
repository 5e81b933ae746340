// Elements and formats.  Text goes in as text nodes alone: nothing that was sent can become markup.
import { language, t } from './strings.js';

const svgSpace = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (value === undefined || value === null || value === false)
			continue;
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value);
		else
			element.setAttribute(name, value === true ? '' : String(value));
	}
	element.append(...children.filter((child) => child !== null && child !== undefined));
	return element;
}

export function el(tag, attributes, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
	return fill(document.createElementNS(svgSpace, tag), attributes, children);
}

export function byId(id) {
	return document.getElementById(id);
}

// New children, with the focus where it was: on the element of the same data-key.
export function replace(parent, children) {
	const focused = document.activeElement;
	const key = parent.contains(focused) ? focused.dataset.key : undefined;

	parent.replaceChildren(...children);
	if (key !== undefined)
		[...parent.querySelectorAll('[data-key]')].find((e) => e.dataset.key === key)?.focus({ preventScroll: true });
}

// --- formats --------------------------------------------------------------------------------------

const sameDay = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };
const otherDay = { month: 'short', day: 'numeric', ...sameDay };
const otherYear = { year: 'numeric', ...otherDay };
const formats = new Map();

function format(options) {
	const key = language + Object.keys(options).length;

	if (!formats.has(key))
		formats.set(key, new Intl.DateTimeFormat(language, options));
	return formats.get(key);
}

// Local time, with no more of the date than is needed.
export function when(time) {
	const date = new Date(time), now = new Date();

	if (Number.isNaN(date.getTime()))
		return '';
	if (date.toDateString() === now.toDateString())
		return format(sameDay).format(date);
	return format(date.getFullYear() === now.getFullYear() ? otherDay : otherYear).format(date);
}

export function clock(ms) {
	return format(sameDay).format(new Date(ms));
}

export function span(ms) {
	const s = Math.abs(ms) / 1000;

	if (s < 120)
		return t('seconds', Math.round(s));
	if (s < 7200)
		return t('minutes', Math.round(s / 60));
	if (s < 172800)
		return t('hours', (s / 3600).toFixed(1));
	return t('days', (s / 86400).toFixed(1));
}

// Four digits that count, as the explanations have them.
export function number(value) {
	if (value === null || value === undefined || !Number.isFinite(value))
		return t('no_reading');
	const text = Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-4)
		? value.toExponential(3) : String(Number(value.toPrecision(4)));
	return text.replace('-', '−');
}

export function withUnit(value, unit) {
	return unit ? `${number(value)} ${unit}` : number(value);
}

// A code as it is read.
export function words(code) {
	return code.replaceAll('_', ' ');
}
