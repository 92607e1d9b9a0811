# Data: downloaded once into the user's cache, checked, and described by a marker, which is made again only when
# the dataset has become another one.


rule fetch:
    output:
        marker=f"{ROOT}/data/{{data}}.json",
    log:
        f"{LOGS}/fetch/{{data}}.log",
    benchmark:
        f"{BENCHMARKS}/fetch/{{data}}.jsonl"
    priority: 1000
    localrule: True
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        name=data_name,
        identity=data_identity,
    message:
        "fetch {params.name}"
    shell:
        "dgmbench fetch {params.name:q} --marker {output.marker:q} 2> {log:q}"
