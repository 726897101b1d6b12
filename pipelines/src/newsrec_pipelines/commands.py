"""The commands of `newsrec`: where each is, and its line in the help, without importing it."""

from typing import NamedTuple

RUN_A_DAY = "Run a day"
LOOK = "Look"
OPERATE = "Operate"
DEVELOP = "Develop"
GROUPS = (RUN_A_DAY, LOOK, OPERATE, DEVELOP)


class Command(NamedTuple):
    """A command by its address. `line` repeats its short help: a test holds them equal."""

    target: str  # module:attribute. Commands import Beam, Feast or scikit-learn: seconds each.
    group: str
    line: str
    # A person asks and waits for it. All others are stages, which tell Prometheus how they did.
    by_hand: bool = False


# Within a group in the order of their use.
COMMANDS = {
    "import": Command(
        "newsrec_pipelines.datasets.command:import_group",
        RUN_A_DAY,
        "Bring official files, as they were downloaded, into the landing zone.",
    ),
    "simulate": Command(
        "newsrec_pipelines.datasets.world.command:simulate",
        RUN_A_DAY,
        "Play the simulated world of params.yaml.",
    ),
    "export": Command(
        "newsrec_pipelines.datasets.command:export",
        RUN_A_DAY,
        "Bring what the API and the emails received on a day into the landing zone.",
    ),
    "check": Command(
        "newsrec_pipelines.monitoring.check_command:check",
        RUN_A_DAY,
        "Check what arrived on a day, before anything learns from it; "
        "exit status 1 when it is bad.",
    ),
    "etl": Command(
        "newsrec_pipelines.etl.command:etl",
        RUN_A_DAY,
        "Check, normalise and deduplicate what arrived, and store it.",
    ),
    "materialize": Command(
        "newsrec_pipelines.features.command:materialize",
        RUN_A_DAY,
        "Bring the online store to what was known before the moment.",
    ),
    "train": Command(
        "newsrec_pipelines.training.command:train",
        RUN_A_DAY,
        "Train a model, save it as a version, and make it the champion.",
    ),
    "gate": Command(
        "newsrec_pipelines.gate.command:gate",
        RUN_A_DAY,
        "Train what may serve tomorrow, evaluate it on a day that it has not seen, and decide.",
    ),
    "recommend": Command(
        "newsrec_pipelines.scoring.command:recommend",
        RUN_A_DAY,
        "Write slates for every reader with the champion, and publish them in one moment.",
    ),
    "monitor": Command(
        "newsrec_pipelines.monitoring.command:monitor",
        RUN_A_DAY,
        "Keep what became of the day's slates, look for drift, raise alarms and act on them.",
    ),
    "explain": Command(
        "newsrec_pipelines.scoring.explain_command:command",
        LOOK,
        "Tell why an article was recommended to a reader: source, score, rules, model and data.",
        by_hand=True,
    ),
    "evaluate": Command(
        "newsrec_pipelines.evaluation.command:evaluate",
        LOOK,
        "Evaluate a model beside popularity, ALS, content and chance; write JSON and an HTML page.",
    ),
    "backtest": Command(
        "newsrec_pipelines.evaluation.backtest_command:backtest",
        LOOK,
        "Evaluate the model beside popularity, ALS, item-kNN, content, plain LambdaMART, chance.",
    ),
    "condition": Command(
        "newsrec_pipelines.operations.condition_command:condition",
        LOOK,
        "Answer a question by the exit status: 0 is yes, 99 is no.",
    ),
    "models": Command(
        "newsrec_pipelines.operations.models_command:models",
        OPERATE,
        "Look at models, and say which one serves.",
        by_hand=True,
    ),
    "variants": Command(
        "newsrec_pipelines.operations.variants_command:variants",
        OPERATE,
        "Give a share of the readers another model version's slates, in API and emails alike.",
        by_hand=True,
    ),
    "data": Command(
        "newsrec_pipelines.operations.data_command:data",
        OPERATE,
        "Keep what a version was trained on, and bring it back.",
        by_hand=True,
    ),
    "tracking": Command(
        "newsrec_pipelines.tracking.command:tracking",
        OPERATE,
        "Records of runs: in the store, and in the trackers of TRACKERS.",
        by_hand=True,
    ),
    "demo": Command(
        "newsrec_pipelines.demo.command:demo",
        DEVELOP,
        "Run the whole loop on a simulated world for two days, then serve it.",
        by_hand=True,
    ),
    "new-model": Command(
        "newsrec_pipelines.operations.new_model_command:new_model",
        DEVELOP,
        "Write a kind of model called NAME, and its tests, which pass at once.",
        by_hand=True,
    ),
    "build-model": Command(
        "newsrec_pipelines.operations.build_command:build_model",
        DEVELOP,
        "Install, test, train, evaluate and package a model; a step that fails ends it all.",
        by_hand=True,
    ),
    "experiment": Command(
        "newsrec_pipelines.experiment.command:experiment",
        DEVELOP,
        "Play days of the simulated world: half of the readers get our slates, half popular ones.",
        by_hand=True,
    ),
    "baselines": Command(
        "newsrec_pipelines.experiment.baselines_command:baselines",
        DEVELOP,
        "Say what each system's slates would be worth to the readers of a simulated world.",
    ),
}
