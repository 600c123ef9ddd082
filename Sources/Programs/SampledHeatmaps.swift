import Explanations
import TensorGraph
import TensorRuntime

/// Heatmaps by a sampled interpreter, chunk by chunk: what one batch needs does not grow with the
/// number of samples.
final class SampledHeatmaps {
  private static let mean = "mean"
  private static let heatmap = "heatmap"

  private let slots: SampleSlots
  private let samples: any Program
  /// `nil` where the mean is the heatmap.
  private let combination: (any Program)?
  private var mean: Tensor
  package let size: (height: Int, width: Int)

  /// Memory that a batch needs beside the parameters.
  package var plannedPeakBytes: Int {
    samples.resources.peakBytes + (combination?.resources.peakBytes ?? 0)
      + mean.values.count * MemoryLayout<Float>.stride
  }

  /// Floating-point operations of a batch.
  package var flops: Int {
    slots.chunks * samples.resources.flops + (combination?.resources.flops ?? 0)
  }

  package init(
    _ network: LoadedNetwork, _ interpreter: any SampledInterpreter, batchSize: Int,
    samplesAtOnce: Int?, policy: ExecutionPolicy
  ) throws {
    slots = try SampleSlots(
      interpreter, network.architecture, batchSize: batchSize, atOnce: samplesAtOnce)
    var graph = GraphBuilder()
    let (subject, classes) = try slots.subject(.labels, &graph)
    let means = try slots.means(of: subject, classes: classes, in: &graph)
    samples = try network.compile(graph.computation([(Self.mean, means[0])]), policy)
    mean = Tensor(repeating: 0, shape: means[0].shape)

    var rest = GraphBuilder()
    let (again, marks) = try slots.subject(.labels, &rest)
    let given = try rest.placeholder(Self.mean, shape: mean.shape)
    let heatmap = try interpreter.combine(mean: given, of: again, classes: marks[0], in: &rest)
    combination =
      heatmap.id == given.id
      ? nil
      : try network.compile(rest.computation([(Self.heatmap, heatmap)]), policy)
    size = (heatmap.shape[1], heatmap.shape[2])
  }

  /// - Parameters:
  ///   - inputs: images and labels.
  ///   - images: the numbers by which the interpreter knows the images.
  package func run(_ inputs: [String: ProgramInput], images: [Int]) throws {
    for index in mean.values.indices { mean.values[index] = 0 }
    for chunk in 0..<slots.chunks {
      let places = slots.inputs(chunk: chunk, images: images, threads: samples.threads)
      try samples.run(inputs.merging(places) { $1 })
      add(try samples.output(Self.mean).values, to: &mean.values)
    }
    if let combination {
      try combination.run(inputs.merging([Self.mean: .floats(mean.values)]) { $1 })
    }
  }

  /// [batchSize, h, w], of the last run.
  package func heatmaps() throws -> Tensor { try combination?.output(Self.heatmap) ?? mean }
}

/// sum += values
package func add(_ values: [Float], to sum: inout [Float]) {
  precondition(values.count == sum.count, "\(values.count) values for \(sum.count) sums")
  for index in sum.indices { sum[index] += values[index] }
}
