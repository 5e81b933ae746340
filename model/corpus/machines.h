/*
 * machines.h -- the words of the trade that simulator, prompt and fault library share.
 *
 * One X-macro per list: symbol, code as it is written in configuration, prompts and alerts.  Codes
 * are stable: appended, never renamed (they are tokens of the trained model and keys of the store).
 */
#ifndef MW_CORPUS_MACHINES_H
#define MW_CORPUS_MACHINES_H

/* What kind of machine an asset is; "other" when nobody said. */
#define MW_MACHINE_MAP(X)                                                                          \
	X(OTHER, "other")                                                                          \
	X(PUMP, "pump")                                                                            \
	X(COMPRESSOR, "compressor")                                                                \
	X(FAN, "fan")                                                                              \
	X(MOTOR, "motor")                                                                          \
	X(GEARBOX, "gearbox")                                                                      \
	X(CONVEYOR, "conveyor")                                                                    \
	X(SPINDLE, "spindle")                                                                      \
	X(HYDRAULIC, "hydraulic")                                                                  \
	X(EXCHANGER, "exchanger")                                                                  \
	X(FURNACE, "furnace")                                                                      \
	X(TANK, "tank")                                                                            \
	X(CHILLER, "chiller")

/* What a channel measures or commands. */
#define MW_ROLE_MAP(X)                                                                             \
	X(OTHER, "other")                                                                          \
	X(TEMPERATURE, "temperature")                                                              \
	X(PRESSURE, "pressure")                                                                    \
	X(FLOW, "flow")                                                                            \
	X(LEVEL, "level")                                                                          \
	X(SPEED, "speed")                                                                          \
	X(CURRENT, "current")                                                                      \
	X(VOLTAGE, "voltage")                                                                      \
	X(POWER, "power")                                                                          \
	X(VIBRATION, "vibration")                                                                  \
	X(TORQUE, "torque")                                                                        \
	X(POSITION, "position")                                                                    \
	X(HUMIDITY, "humidity")                                                                    \
	X(CONCENTRATION, "concentration")                                                          \
	X(VALVE, "valve")                                                                          \
	X(SETPOINT, "setpoint")                                                                    \
	X(STATE, "state")                                                                          \
	X(COUNTER, "counter")

/* Fault codes: symbol, code, kind.  SENSOR: the measurement lies.  PROCESS: the machine or process
 * is at fault.  OPERATION: somebody ran the machine differently; not a fault. */
#define MW_FAULT_MAP(X)                                                                            \
	X(NONE, "none", NONE)                                                                      \
	X(UNKNOWN, "unknown", NONE)                                                                \
	X(SPIKE, "spike", SENSOR)                                                                  \
	X(DROPOUT, "dropout", SENSOR)                                                              \
	X(STUCK, "stuck", SENSOR)                                                                  \
	X(BIAS, "bias", SENSOR)                                                                    \
	X(DRIFT, "drift", SENSOR)                                                                  \
	X(NOISE, "noise", SENSOR)                                                                  \
	X(SATURATION, "saturation", SENSOR)                                                        \
	X(UNIT_ERROR, "unit_error", SENSOR)                                                        \
	X(LAG, "lag", SENSOR)                                                                      \
	X(LEAK, "leak", PROCESS)                                                                   \
	X(BLOCKAGE, "blockage", PROCESS)                                                           \
	X(CAVITATION, "cavitation", PROCESS)                                                       \
	X(BEARING_WEAR, "bearing_wear", PROCESS)                                                   \
	X(IMBALANCE, "imbalance", PROCESS)                                                         \
	X(MISALIGNMENT, "misalignment", PROCESS)                                                   \
	X(LOOSENESS, "looseness", PROCESS)                                                         \
	X(LUBRICATION_LOSS, "lubrication_loss", PROCESS)                                           \
	X(BELT_SLIP, "belt_slip", PROCESS)                                                         \
	X(COOLING_LOSS, "cooling_loss", PROCESS)                                                   \
	X(FOULING, "fouling", PROCESS)                                                             \
	X(OVERLOAD, "overload", PROCESS)                                                           \
	X(PHASE_LOSS, "phase_loss", PROCESS)                                                       \
	X(VALVE_STUCK, "valve_stuck", PROCESS)                                                     \
	X(VALVE_LEAK, "valve_leak", PROCESS)                                                       \
	X(HUNTING, "hunting", PROCESS)                                                             \
	X(DRY_RUN, "dry_run", PROCESS)                                                             \
	X(AIR_INGRESS, "air_ingress", PROCESS)                                                     \
	X(TOOL_WEAR, "tool_wear", PROCESS)                                                         \
	X(HEATER_FAILURE, "heater_failure", PROCESS)                                               \
	X(FILTER_CLOGGING, "filter_clogging", PROCESS)                                             \
	X(SPEED_LOSS, "speed_loss", PROCESS)                                                       \
	X(DISTURBANCE, "disturbance", PROCESS)                                                     \
	X(COUPLING_CHANGE, "coupling_change", PROCESS)                                             \
	X(STARTUP, "startup", OPERATION)                                                           \
	X(SHUTDOWN, "shutdown", OPERATION)                                                         \
	X(LOAD_CHANGE, "load_change", OPERATION)                                                   \
	X(SETPOINT_CHANGE, "setpoint_change", OPERATION)                                           \
	X(PRODUCT_CHANGE, "product_change", OPERATION)                                             \
	X(IDLE, "idle", OPERATION)

/* What proves a fault, on one channel, against its healthy twin: see proof.h. */
#define MW_PROOF_MAP(X)                                                                            \
	X(NONE, "none")                                                                            \
	X(LEVEL, "level")         /* it lies elsewhere */                                          \
	X(SLOPE, "slope")         /* it runs away */                                               \
	X(SPREAD, "spread")       /* its steps are larger, or smaller */                           \
	X(RESIDUAL, "residual")   /* it is not where the others say */                             \
	X(STILLNESS, "stillness") /* it stands still */                                            \
	X(GAP, "gap")             /* readings are lost */                                          \
	X(COUPLING, "coupling")   /* it answers more, or less, than it should */

enum mw_machine {
#define X(symbol, code) MW_MACHINE_##symbol,
	MW_MACHINE_MAP(X)
#undef X
	    MW_N_MACHINE
};

enum mw_role {
#define X(symbol, code) MW_ROLE_##symbol,
	MW_ROLE_MAP(X)
#undef X
	    MW_N_ROLE
};

enum mw_fault_kind { MW_KIND_NONE, MW_KIND_SENSOR, MW_KIND_PROCESS, MW_KIND_OPERATION };

enum mw_fault {
#define X(symbol, code, kind) MW_FAULT_##symbol,
	MW_FAULT_MAP(X)
#undef X
	    MW_N_FAULT
};

enum mw_proof {
#define X(symbol, code) MW_PROOF_##symbol,
	MW_PROOF_MAP(X)
#undef X
	    MW_N_PROOF
};

/* Codes as text (static; never NULL) and back (the OTHER / NONE symbol with *ret_known = false). */
const char *mw_machine_code(enum mw_machine machine);
const char *mw_role_code(enum mw_role role);
const char *mw_fault_code(enum mw_fault fault);
const char *mw_proof_code(enum mw_proof proof);
enum mw_fault_kind mw_fault_kind_of(enum mw_fault fault);
int mw_machine_from_code(const char *code); /* -1: unknown */
int mw_role_from_code(const char *code);    /* -1: unknown */
int mw_fault_from_code(const char *code);   /* -1: unknown */

#endif
