"""Makes datasets of worlds with Apache Beam: on this machine, on a Flink cluster, on Dataflow. See `generate`."""
