import Foundation
import TensorRuntime

extension TrainingProgram {
  /// Memory that a step needs beside the parameters, known before the first one.
  public var plannedPeakBytes: Int {
    program.resources.peakBytes + (passes?.plannedPeakBytes ?? 0)
  }

  /// Floating-point operations of one step.
  public var flops: Int { program.resources.flops + (passes?.flops ?? 0) }

  /// What one step needs, for the log.
  package var resources: String {
    let chunks = slots.map {
      $0.interpreter.sampleCount == 1
        ? "" : "; \($0.interpreter.sampleCount) samples, \($0.count) at a time"
    }
    return String(
      format: "a step of %d images takes %.2f GFLOP per image and %.0f MB beside the weights",
      batchSize, Double(flops) / 1e9 / Double(batchSize), Double(plannedPeakBytes) / 1e6)
      + (chunks ?? "")
  }
}
