"""Jobs for Google Cloud Dataflow: what they need besides the flags, and a check that submits nothing.

    python -m beam_pipelines.generate --world=movi --num_scenes=1000000 --data_dir=gs://BUCKET/datasets \\
        --runner=DataflowRunner --project=PROJECT --region=REGION --temp_location=gs://BUCKET/tmp \\
        --sdk_container_image=REPOSITORY/kubric-gen:VERSION --machine_type=n2-standard-8 --max_num_workers=600 \\
        --number_of_worker_harness_threads=1

Dataflow starts one Python process per core of a machine; with one harness thread each has one worker process for scenes.
`--dry_run` builds the job, checks it and tells of it, and submits nothing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

from beam_pipelines.job import Job
from kubric_gen.errors import KubricGenError
from kubric_gen.system.paths import is_local

RUNNER = "DataflowRunner"
_DOCKER = "beam:env:docker:v1"
_PAR_DO = "beam:transform:pardo:v1"


def check(job: Job, options: Any, dry_run: bool) -> None:
  """Makes sure that workers elsewhere can run the job.

  Raises:
    KubricGenError: they could not.
  """
  from apache_beam.options.pipeline_options import GoogleCloudOptions, WorkerOptions
  for name, path in (("data_dir", job.data_dir), ("store_dir", job.store_root)):
    if is_local(path):
      raise KubricGenError(f"Dataflow's workers cannot see {path}: give --{name}=gs://BUCKET/FOLDER")
  if not options.view_as(WorkerOptions).sdk_container_image:
    raise KubricGenError("Dataflow's workers need an image with kubric-gen in it: give --sdk_container_image=IMAGE")
  cloud = options.view_as(GoogleCloudOptions)
  for name in ("project", "region", "temp_location"):
    if not getattr(cloud, name):
      raise KubricGenError(f"Dataflow needs --{name}")
  if not dry_run and importlib.util.find_spec("google.cloud") is None:
    raise KubricGenError("Dataflow needs Google's client libraries: pip install 'kubric-gen[beam,gcp]'")


def portable_proto(job: Job, options: Any) -> Any:
  """The job in the form that every portable runner takes, checked.

  Raises:
    KubricGenError: no image was given, or a step would not run in it or cannot be read back.
  """
  import apache_beam as beam
  from apache_beam.options.pipeline_options import WorkerOptions
  from apache_beam.runners.portability.fn_api_runner import FnApiRunner
  from apache_beam.transforms.environments import DockerEnvironment

  from beam_pipelines.transforms import build
  image = options.view_as(WorkerOptions).sdk_container_image
  if not image:
    raise KubricGenError("a job for containers needs an image with kubric-gen in it: give --sdk_container_image=IMAGE")
  pipeline = beam.Pipeline(runner=FnApiRunner(), options=options)
  build(pipeline, job)
  proto = pipeline.to_runner_api(default_environment=DockerEnvironment.from_container_image(image))
  beam.Pipeline.from_runner_api(proto, FnApiRunner(), options)  # every function in it can be loaded again
  for name, environment in proto.components.environments.items():
    if environment.urn != _DOCKER:
      raise KubricGenError(f"the environment {name} of the job is {environment.urn}, not an image")
  for transform in proto.components.transforms.values():
    if transform.spec.urn == _PAR_DO and transform.environment_id not in proto.components.environments:
      raise KubricGenError(f"the step {transform.unique_name} has no environment")
  return proto


def describe(proto: Any) -> Sequence[str]:
  """The steps of a job and where they run, a line each."""
  from apache_beam.portability.api import beam_runner_api_pb2
  images = []
  for environment in proto.components.environments.values():
    payload = beam_runner_api_pb2.DockerPayload.FromString(environment.payload)
    images.append(f"image {payload.container_image}")
  root = proto.components.transforms[proto.root_transform_ids[0]]
  return [*images, *(f"step {proto.components.transforms[name].unique_name}" for name in root.subtransforms)]
