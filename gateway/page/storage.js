// What the browser keeps for the next visit; where that is forbidden, nothing is kept.

export function readStored(key) {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}

export function store(key, value) {
	try {
		localStorage.setItem(key, value);
	} catch { /* it is asked for again next time */ }
}
