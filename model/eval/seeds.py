"""Seeds of simulated machines that only the evaluation uses, in one place.  Training's roles
(model/train/config.json) begin below a million and never come here; neither may anything else."""

SEALED = 7_000_000  # synthetic.py, upwards
HEALTHY = 7_500_000  # calibration.py, upwards
HISTORIES = 7_700_000  # similar.py, upwards; its embedding was chosen on 7_600_000, upwards
WORDS = 8_100_000  # words.py, upwards; its phrasings were looked at on 6_500_000 and 7_800_000, upwards
SITE = 8_000_000  # site.py, upwards; its weights were chosen on 6_600_000, upwards
END = 8_200_000
