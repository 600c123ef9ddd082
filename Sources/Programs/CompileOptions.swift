import Recipes
import TensorRuntime

extension ComputeSection {
  package var trainingPolicy: ExecutionPolicy {
    ExecutionPolicy(
      threads: threads, precision: precision, isDeterministic: isDeterministic ?? true,
      recomputes: memory == .low)
  }

  /// What is reported is computed in floats, and does not depend on how many images are evaluated at
  /// a time.
  package var evaluationPolicy: ExecutionPolicy {
    ExecutionPolicy(
      threads: threads, isBatchInvariant: true, isDeterministic: isDeterministic ?? true)
  }
}
