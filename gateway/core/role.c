/* A channel's role from its name and unit. */
#include "gateway/core/prompt.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct hint {
	const char *text;
	enum mw_role role;
};

/* Looked for in the name in this order: what is commanded before what is measured
 * ("flow_setpoint"), the specific before the general ("volume flow rate" before "rate").  Short
 * ones must be a word of their own. */
static const struct hint name_hint[] = {
    {"setpoint", MW_ROLE_SETPOINT},
    {"set_point", MW_ROLE_SETPOINT},
    {"set point", MW_ROLE_SETPOINT},
    {"sollwert", MW_ROLE_SETPOINT},
    {"target", MW_ROLE_SETPOINT},
    {"sp", MW_ROLE_SETPOINT},
    {"counter", MW_ROLE_COUNTER},
    {"count", MW_ROLE_COUNTER},
    {"total", MW_ROLE_COUNTER},
    {"hours", MW_ROLE_COUNTER},
    {"runtime", MW_ROLE_COUNTER},
    {"pieces", MW_ROLE_COUNTER},
    {"cycles", MW_ROLE_COUNTER},
    {"stunden", MW_ROLE_COUNTER},
    {"energy", MW_ROLE_COUNTER},
    {"accelerometer", MW_ROLE_VIBRATION},
    {"acceleration", MW_ROLE_VIBRATION},
    {"accel", MW_ROLE_VIBRATION},
    {"vibration", MW_ROLE_VIBRATION},
    {"vib", MW_ROLE_VIBRATION},
    {"thermocouple", MW_ROLE_TEMPERATURE},
    {"temperature", MW_ROLE_TEMPERATURE},
    {"temp", MW_ROLE_TEMPERATURE},
    {"pressure", MW_ROLE_PRESSURE},
    {"press", MW_ROLE_PRESSURE},
    {"humidity", MW_ROLE_HUMIDITY},
    {"moisture", MW_ROLE_HUMIDITY},
    {"valve", MW_ROLE_VALVE},
    {"flow", MW_ROLE_FLOW},
    {"level", MW_ROLE_LEVEL},
    {"torque", MW_ROLE_TORQUE},
    {"voltage", MW_ROLE_VOLTAGE},
    {"volt", MW_ROLE_VOLTAGE},
    {"current", MW_ROLE_CURRENT},
    {"ampere", MW_ROLE_CURRENT},
    {"amps", MW_ROLE_CURRENT},
    {"power", MW_ROLE_POWER},
    {"speed", MW_ROLE_SPEED},
    {"rpm", MW_ROLE_SPEED},
    {"velocity", MW_ROLE_SPEED},
    {"position", MW_ROLE_POSITION},
    {"displacement", MW_ROLE_POSITION},
    {"pos", MW_ROLE_POSITION},
    {"concentration", MW_ROLE_CONCENTRATION},
    {"conductivity", MW_ROLE_CONCENTRATION},
    {"oxygen", MW_ROLE_CONCENTRATION},
    {"co2", MW_ROLE_CONCENTRATION},
    {"ph", MW_ROLE_CONCENTRATION},
    {"state", MW_ROLE_STATE},
    {"status", MW_ROLE_STATE},
    {"running", MW_ROLE_STATE},
    {"mode", MW_ROLE_STATE},
};

/* The whole unit, whatever its case. */
static const struct hint unit_hint[] = {
    {"degc", MW_ROLE_TEMPERATURE},
    {"\xc2\xb0"
     "c",
     MW_ROLE_TEMPERATURE},
    {"degf", MW_ROLE_TEMPERATURE},
    {"\xc2\xb0"
     "f",
     MW_ROLE_TEMPERATURE},
    {"c", MW_ROLE_TEMPERATURE},
    {"k", MW_ROLE_TEMPERATURE},
    {"bar", MW_ROLE_PRESSURE},
    {"mbar", MW_ROLE_PRESSURE},
    {"pa", MW_ROLE_PRESSURE},
    {"kpa", MW_ROLE_PRESSURE},
    {"mpa", MW_ROLE_PRESSURE},
    {"psi", MW_ROLE_PRESSURE},
    {"m3/h", MW_ROLE_FLOW},
    {"m\xc2\xb3/h", MW_ROLE_FLOW},
    {"l/min", MW_ROLE_FLOW},
    {"l/s", MW_ROLE_FLOW},
    {"l/h", MW_ROLE_FLOW},
    {"kg/h", MW_ROLE_FLOW},
    {"kg/s", MW_ROLE_FLOW},
    {"gpm", MW_ROLE_FLOW},
    {"rpm", MW_ROLE_SPEED},
    {"1/min", MW_ROLE_SPEED},
    {"hz", MW_ROLE_SPEED},
    {"m/s", MW_ROLE_SPEED},
    {"a", MW_ROLE_CURRENT},
    {"ma", MW_ROLE_CURRENT},
    {"v", MW_ROLE_VOLTAGE},
    {"mv", MW_ROLE_VOLTAGE},
    {"kv", MW_ROLE_VOLTAGE},
    {"w", MW_ROLE_POWER},
    {"kw", MW_ROLE_POWER},
    {"mw", MW_ROLE_POWER},
    {"kva", MW_ROLE_POWER},
    {"mm/s", MW_ROLE_VIBRATION},
    {"m/s2", MW_ROLE_VIBRATION},
    {"m/s\xc2\xb2", MW_ROLE_VIBRATION},
    {"g", MW_ROLE_VIBRATION},
    {"nm", MW_ROLE_TORQUE},
    {"n m", MW_ROLE_TORQUE},
    {"mm", MW_ROLE_POSITION},
    {"deg", MW_ROLE_POSITION},
    {"%rh", MW_ROLE_HUMIDITY},
    {"ppm", MW_ROLE_CONCENTRATION},
    {"us/cm", MW_ROLE_CONCENTRATION},
    {"kwh", MW_ROLE_COUNTER},
    {"wh", MW_ROLE_COUNTER},
    {"pcs", MW_ROLE_COUNTER},
};

#define N_HINT(hints) (sizeof(hints) / sizeof((hints)[0]))
#define WORD_LEN      4 /* shorter hints must stand alone */

static bool stands_alone(const char *name, const char *at, size_t len)
{
	bool begins = at == name || !isalpha((unsigned char)at[-1]);

	return begins && !isalpha((unsigned char)at[len]);
}

static bool has_hint(const char *name, const char *hint)
{
	size_t len = strlen(hint);

	for (const char *at = name; (at = strcasestr(at, hint)) != NULL; at++)
		if (len >= WORD_LEN || stands_alone(name, at, len))
			return true;
	return false;
}

enum mw_role mw_role_guess(const char *name, const char *unit)
{
	for (size_t i = 0; name && i < N_HINT(name_hint); i++)
		if (has_hint(name, name_hint[i].text))
			return name_hint[i].role;
	for (size_t i = 0; unit && i < N_HINT(unit_hint); i++)
		if (strcasecmp(unit, unit_hint[i].text) == 0)
			return unit_hint[i].role;
	return MW_ROLE_OTHER;
}

enum mw_channel_use mw_role_use(enum mw_role role)
{
	switch (role) {
	case MW_ROLE_SETPOINT:
	case MW_ROLE_STATE:
		return MW_USE_COMMAND;
	case MW_ROLE_COUNTER:
		return MW_USE_COUNTER;
	case MW_ROLE_OTHER:
		return MW_USE_GUESS;
	default: /* a valve too: it follows its loop, faults included */
		return MW_USE_QUANTITY;
	}
}
