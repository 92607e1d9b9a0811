#!/usr/bin/env bash
# A SLURM cluster of this one machine, on loopback and without accounting, and the workflow through it: a run that its
# time limit cuts goes on from its checkpoint, everything works with --resources gpu=0, and the smoke preset ends in
# whole tables. By hand, as root, on a machine or in a container that has no other SLURM (Debian: apt-get install
# slurmctld slurmd slurm-client munge; pip install snakemake-executor-plugin-slurm):
#
#   bash tests/cluster/slurm.sh [FOLDER]
#
# Everything it writes lies in FOLDER (else a new one), and what it starts ends with it.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(realpath "${1:-$(mktemp -d)}")
mkdir -p "$folder"/{munge,ctld,d,run}
cd "$folder"

started=()
configuration=""
finish() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    [ -z "$configuration" ] || rm -f "$configuration"
}
trap finish EXIT

# munge signs messages between the daemons: on a socket of the file system, with a key of its own
head -c 1024 /dev/urandom > munge/key
chmod 700 munge && chmod 400 munge/key
munged --foreground --force --key-file=munge/key --socket="$folder/munge/socket" --pid-file=munge/pid \
    --log-file=munge/log --seed-file=munge/seed &
started+=($!)

host=$(hostname -s)
# the job steps look for it where a cluster has it
[ ! -e /etc/slurm/slurm.conf ] || { echo "/etc/slurm/slurm.conf is there: this machine has a SLURM" >&2; exit 1; }
configuration=/etc/slurm/slurm.conf
mkdir -p "$(dirname "$configuration")"
cat > "$configuration" <<END
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
SlurmctldPort=16817
SlurmdPort=16818
SrunPortRange=16820-16899
StateSaveLocation=$folder/ctld
SlurmdSpoolDir=$folder/d
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=5
OverTimeLimit=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc --all) RealMemory=20000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
sleep 1
slurmctld -D > ctld.out 2>&1 &
started+=($!)
slurmd -D > d.out 2>&1 &
started+=($!)
until sinfo --noheader --format=%t 2>/dev/null | grep -q idle; do sleep 1; done

# the downloads and the tables are made here, everything else goes through SLURM
export PYTHONPATH="$checkout/src${PYTHONPATH:+:$PYTHONPATH}"
cat > short.yaml <<END
preset: short
tracking: false
density:
  settings: {epochs: 1, batch_size: 50, train_limit: 200, test_limit: 20, k: 5}
  datasets: [ocr-letters]
  models: {vae: {options: {hidden: [8, 8], latent: 2}}}
END
# much longer than its time limit of one minute
cat > long.yaml <<END
preset: long
tracking: false
density:
  settings: {epochs: 600, batch_size: 20, train_limit: 2000, test_limit: 20, k: 5}
  datasets: [ocr-letters]
  models: {vae: {options: {hidden: [100, 100], latent: 20}}}
END
workflow() { # PRESET ARGUMENT...
    snakemake --profile "$checkout/workflow/profiles/slurm" --snakefile "$checkout/Snakefile" --directory "$folder" \
        --latency-wait 10 --resources gpu=0 --configfile "$folder/$1.yaml" "${@:2}" 2>&1 | tee -a "$1.out"
}

echo "== one run, on a node without GPUs"
workflow short --jobs 1
grep -q '^ocr-letters,vae,.*,ok$' results/short/tables/density.csv

echo "== a run that its time limit cuts"
if workflow long --jobs 1 --set-resources train:runtime=1; then
    echo "it was not cut: make it longer" >&2
    exit 1
fi
echo "== goes on from its last epoch"
workflow long --jobs 1
grep -h 'resumed after epoch' results/long/logs/train/*.log
grep -q '^ocr-letters,vae,.*,ok$' results/long/tables/density.csv

echo "== the smoke preset"
cp "$checkout/config.yaml" "$checkout/workflow/presets/smoke.yaml" .
# more than there are cores, so that the next waits in the queue
workflow smoke --jobs 8
python "$checkout/tests/workflow/check_results.py" results/smoke
echo "SLURM: all is well"
