# What can be asked for besides files and rules: a task by its name. What has no effect is said.
from dgmbench.run.config import without_effect

if workflow.is_main_process:
    for line in without_effect(CONFIGURATION, PLAN, all_tasks()):
        print(f"dgmbench: {line}", file=sys.stderr)

# `snakemake density`: the name of a task, where it is not that of a rule, is the table of that task alone.
for name in all_tasks():
    if name in PLAN.tasks and not workflow.is_rule(name):

        rule:
            name:
                name
            input:
                f"{TABLES}/{name}.complete",
            localrule: True
            message:
                f"the table is in {TABLES}"

    elif name in sys.argv and not workflow.is_rule(name):
        sys.exit(f"dgmbench: error: preset {PLAN.preset!r} has no table of {name}: ask for it in the configuration")


# The rules make a folder of any run; one that the configuration has not is said before they look it up.
for target in sys.argv:
    named = re.fullmatch(f"{re.escape(ROOT)}/(?:trained|runs)/([^/]+)/?", target)
    if named and named[1] not in BY_ID:
        sys.exit(f"dgmbench: error: {named[1]} is no run of preset {PLAN.preset!r}; 'dgmbench status' names its runs")
