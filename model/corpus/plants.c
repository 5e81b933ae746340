#include "model/corpus/plant.h"

static const struct mw_plant *const plant[MW_N_MACHINE] = {
    [MW_MACHINE_OTHER] = &mw_plant_generic,
    [MW_MACHINE_PUMP] = &mw_plant_pump,
    [MW_MACHINE_COMPRESSOR] = &mw_plant_compressor,
    [MW_MACHINE_CONVEYOR] = &mw_plant_conveyor,
    [MW_MACHINE_EXCHANGER] = &mw_plant_exchanger,
    [MW_MACHINE_TANK] = &mw_plant_tank,
    [MW_MACHINE_GEARBOX] = &mw_plant_gearbox,
    [MW_MACHINE_SPINDLE] = &mw_plant_spindle,
    [MW_MACHINE_FAN] = &mw_plant_fan,
    [MW_MACHINE_MOTOR] = &mw_plant_motor,
    [MW_MACHINE_HYDRAULIC] = &mw_plant_hydraulic,
    [MW_MACHINE_FURNACE] = &mw_plant_furnace,
    [MW_MACHINE_CHILLER] = &mw_plant_chiller,
};

const struct mw_plant *mw_plant_find(enum mw_machine machine)
{
	return (unsigned)machine < MW_N_MACHINE ? plant[machine] : NULL;
}
