"""The public functions and types of the library. Each function is a few lines over the rooms.

Every name is imported on first use, so that ``from compofa_deploy import api`` costs next to nothing, and a program
that does not train needs no torch.

Begin with :func:`profile` and :func:`search`, or with :func:`deploy`, which does both::

    from pathlib import Path
    from compofa_deploy import api

    result = api.deploy(Path("bundle"), api.DeployOptions(latency_ms=2.0))
    print(result.bundle.deployment.subnet)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision as AccuraciesByPrecision
    from compofa_deploy.accuracy.predictor import AccuracyPredictor as AccuracyPredictor
    from compofa_deploy.accuracy.resolution_summary import ResolutionSummary as ResolutionSummary
    from compofa_deploy.accuracy.resolution_summary import summarise_resolutions as summarise_resolutions
    from compofa_deploy.accuracy.source import load_predictor as load_predictor
    from compofa_deploy.accuracy.table import AccuracyTable as AccuracyTable
    from compofa_deploy.api.accuracies import find_accuracies as find_accuracies
    from compofa_deploy.api.accuracies import fit_predictor as fit_predictor
    from compofa_deploy.api.accuracies import import_predictor as import_predictor
    from compofa_deploy.api.benchmarks import BundleComparison as BundleComparison
    from compofa_deploy.api.benchmarks import compare_bundles as compare_bundles
    from compofa_deploy.api.benchmarks import measure_noise as measure_noise
    from compofa_deploy.api.benchmarks import run_bench as run_bench
    from compofa_deploy.api.bundles import export as export
    from compofa_deploy.api.bundles import run as run
    from compofa_deploy.api.bundles import verify as verify
    from compofa_deploy.api.calibrations import calibrate as calibrate
    from compofa_deploy.api.deployments import deploy as deploy
    from compofa_deploy.api.devices import list_runtimes as list_runtimes
    from compofa_deploy.api.evaluations import evaluate as evaluate
    from compofa_deploy.api.evaluations import evaluate_sample as evaluate_sample
    from compofa_deploy.api.exported_evaluations import evaluate_exported as evaluate_exported
    from compofa_deploy.api.kits import build_kit as build_kit
    from compofa_deploy.api.kits import build_table as build_table
    from compofa_deploy.api.kits import run_kit as run_kit
    from compofa_deploy.api.kits import write_agent as write_agent
    from compofa_deploy.api.profiles import profile as profile
    from compofa_deploy.api.profiles import profile_targets as profile_targets
    from compofa_deploy.api.profiles import validate as validate
    from compofa_deploy.api.searches import front as front
    from compofa_deploy.api.searches import search as search
    from compofa_deploy.api.supernets import count_largest_params as count_largest_params
    from compofa_deploy.api.supernets import list_supernets as list_supernets
    from compofa_deploy.api.tables import compare_tables as compare_tables
    from compofa_deploy.api.tables import export_table as export_table
    from compofa_deploy.api.tables import find_widest_space as find_widest_space
    from compofa_deploy.api.tables import import_table as import_table
    from compofa_deploy.api.tables import list_tables as list_tables
    from compofa_deploy.api.tables import load_table as load_table
    from compofa_deploy.api.tables import plot_table as plot_table
    from compofa_deploy.api.tables import predict as predict
    from compofa_deploy.api.trainings import estimate as estimate
    from compofa_deploy.api.trainings import train as train
    from compofa_deploy.bench.compare_results import compare_results as compare_results
    from compofa_deploy.bench.dashboard import write_dashboard as write_dashboard
    from compofa_deploy.bench.history import Entry as Entry
    from compofa_deploy.bench.history import append_entry as append_entry
    from compofa_deploy.bench.history import read_history as read_history
    from compofa_deploy.bench.result import BenchResult as BenchResult
    from compofa_deploy.bench.verdict import Comparison as Comparison
    from compofa_deploy.bench.verdict import find_exit_code as find_exit_code
    from compofa_deploy.bundle.bundle import Bundle as Bundle
    from compofa_deploy.bundle.bundle import load_bundle as load_bundle
    from compofa_deploy.bundle.classify import Classified as Classified
    from compofa_deploy.bundle.verify import Report as Report
    from compofa_deploy.deploy.exported_options import ExportedOptions as ExportedOptions
    from compofa_deploy.deploy.loop import Deployed as Deployed
    from compofa_deploy.deploy.options import DeployOptions as DeployOptions
    from compofa_deploy.evaluation.calibrate_options import CalibrateOptions as CalibrateOptions
    from compofa_deploy.evaluation.options import EvaluateOptions as EvaluateOptions
    from compofa_deploy.evaluation.options import SampleOptions as SampleOptions
    from compofa_deploy.evaluation.sampled import SampledAccuracies as SampledAccuracies
    from compofa_deploy.export.export_to_folder import ExportResult as ExportResult
    from compofa_deploy.export.options import EngineOptions as EngineOptions
    from compofa_deploy.export.options import ExportOptions as ExportOptions
    from compofa_deploy.files.names import read_names as read_names
    from compofa_deploy.report.history_figure import write_history_figure as write_history_figure
    from compofa_deploy.report.search_figure import write_search_figure as write_search_figure
    from compofa_deploy.search.options import SearchOptions as SearchOptions
    from compofa_deploy.search.search import SearchResult as SearchResult
    from compofa_deploy.space.architecture import Architecture as Architecture
    from compofa_deploy.space.families import is_single_network as is_single_network
    from compofa_deploy.space.named_architectures import ARCHITECTURES as ARCHITECTURES
    from compofa_deploy.space.subnet import Subnet as Subnet
    from compofa_deploy.supernet.imported import ImportOptions as ImportOptions
    from compofa_deploy.supernet.imported import import_checkpoint as import_checkpoint
    from compofa_deploy.supernet.published import PUBLISHED as PUBLISHED
    from compofa_deploy.supernet.published import Published as Published
    from compofa_deploy.supernet.stored import StoredSupernet as StoredSupernet
    from compofa_deploy.supernet.stored import load_supernet as load_supernet
    from compofa_deploy.supernet.stored import save_supernet as save_supernet
    from compofa_deploy.tables.foreign_device import TableImportOptions as TableImportOptions
    from compofa_deploy.tables.listing import TableListing as TableListing
    from compofa_deploy.tables.plausibility import examine_table as examine_table
    from compofa_deploy.tables.predict import Prediction as Prediction
    from compofa_deploy.tables.profile_options import ProfileOptions as ProfileOptions
    from compofa_deploy.tables.profile_options import adopt_settings as adopt_settings
    from compofa_deploy.tables.runtime_version import describe_other_version as describe_other_version
    from compofa_deploy.torch_process.distributed import Ranks as Ranks
    from compofa_deploy.torch_process.distributed import join_ranks as join_ranks
    from compofa_deploy.training.cost import Cost as Cost
    from compofa_deploy.training.options import TrainOptions as TrainOptions
    from compofa_deploy.training.train import TrainResult as TrainResult
    from latency_tables.device import DeviceRequest as DeviceRequest
    from latency_tables.device import DeviceSpec as DeviceSpec
    from latency_tables.errors import CompofaError as CompofaError
    from latency_tables.errors import FormatError as FormatError
    from latency_tables.errors import InfeasibleError as InfeasibleError
    from latency_tables.errors import InputError as InputError
    from latency_tables.errors import MeasurementError as MeasurementError
    from latency_tables.errors import MismatchError as MismatchError
    from latency_tables.errors import RuntimeUnavailable as RuntimeUnavailable
    from latency_tables.errors import VerificationError as VerificationError
    from latency_tables.table import LatencyTable as LatencyTable
    from profilers.machine.environment import read_machine as read_machine
    from profilers.measuring.watcher import Watcher as Watcher
    from profilers.targets.device import Device as Device

_NAMES = {
    "compofa_deploy.accuracy.by_precision": "AccuraciesByPrecision",
    "compofa_deploy.accuracy.predictor": "AccuracyPredictor",
    "compofa_deploy.accuracy.resolution_summary": "ResolutionSummary summarise_resolutions",
    "compofa_deploy.accuracy.source": "load_predictor",
    "compofa_deploy.accuracy.table": "AccuracyTable",
    "compofa_deploy.api.accuracies": "find_accuracies fit_predictor import_predictor",
    "compofa_deploy.api.benchmarks": "BundleComparison compare_bundles measure_noise run_bench",
    "compofa_deploy.api.bundles": "export run verify",
    "compofa_deploy.api.calibrations": "calibrate",
    "compofa_deploy.api.deployments": "deploy",
    "compofa_deploy.api.devices": "list_runtimes",
    "compofa_deploy.api.evaluations": "evaluate evaluate_sample",
    "compofa_deploy.api.exported_evaluations": "evaluate_exported",
    "compofa_deploy.api.kits": "build_kit build_table run_kit write_agent",
    "compofa_deploy.api.profiles": "profile profile_targets validate",
    "compofa_deploy.api.searches": "front search",
    "compofa_deploy.api.supernets": "count_largest_params list_supernets",
    "compofa_deploy.api.tables": "compare_tables export_table find_widest_space import_table "
    "list_tables load_table plot_table predict",
    "compofa_deploy.api.trainings": "estimate train",
    "compofa_deploy.bench.compare_results": "compare_results",
    "compofa_deploy.bench.dashboard": "write_dashboard",
    "compofa_deploy.bench.history": "Entry append_entry read_history",
    "compofa_deploy.bench.result": "BenchResult",
    "compofa_deploy.bench.verdict": "Comparison find_exit_code",
    "compofa_deploy.bundle.bundle": "Bundle load_bundle",
    "compofa_deploy.bundle.classify": "Classified",
    "compofa_deploy.bundle.verify": "Report",
    "compofa_deploy.deploy.exported_options": "ExportedOptions",
    "compofa_deploy.deploy.loop": "Deployed",
    "compofa_deploy.deploy.options": "DeployOptions",
    "compofa_deploy.evaluation.calibrate_options": "CalibrateOptions",
    "compofa_deploy.evaluation.options": "EvaluateOptions SampleOptions",
    "compofa_deploy.evaluation.sampled": "SampledAccuracies",
    "compofa_deploy.export.export_to_folder": "ExportResult",
    "compofa_deploy.export.options": "EngineOptions ExportOptions",
    "compofa_deploy.files.names": "read_names",
    "compofa_deploy.report.history_figure": "write_history_figure",
    "compofa_deploy.report.search_figure": "write_search_figure",
    "compofa_deploy.search.options": "SearchOptions",
    "compofa_deploy.search.search": "SearchResult",
    "compofa_deploy.space.architecture": "Architecture",
    "compofa_deploy.space.named_architectures": "ARCHITECTURES",
    "compofa_deploy.space.subnet": "Subnet",
    "compofa_deploy.space.families": "is_single_network",
    "compofa_deploy.supernet.imported": "ImportOptions import_checkpoint",
    "compofa_deploy.supernet.published": "PUBLISHED Published",
    "compofa_deploy.supernet.stored": "StoredSupernet load_supernet save_supernet",
    "compofa_deploy.tables.foreign_device": "TableImportOptions",
    "compofa_deploy.tables.listing": "TableListing",
    "compofa_deploy.tables.plausibility": "examine_table",
    "compofa_deploy.tables.predict": "Prediction",
    "compofa_deploy.tables.profile_options": "ProfileOptions adopt_settings",
    "compofa_deploy.tables.runtime_version": "describe_other_version",
    "compofa_deploy.torch_process.distributed": "Ranks join_ranks",
    "compofa_deploy.training.cost": "Cost",
    "compofa_deploy.training.options": "TrainOptions",
    "compofa_deploy.training.train": "TrainResult",
    "latency_tables.device": "DeviceRequest DeviceSpec",
    "latency_tables.errors": "CompofaError FormatError InfeasibleError InputError "
    "MeasurementError MismatchError RuntimeUnavailable VerificationError",
    "latency_tables.table": "LatencyTable",
    "profilers.machine.environment": "read_machine",
    "profilers.measuring.watcher": "Watcher",
    "profilers.targets.device": "Device",
}
"""The public names of each module, as a type checker reads them above."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
