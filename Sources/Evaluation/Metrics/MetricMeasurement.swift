import Explanations
import Faithfulness
import Foundation
import ImageData
import Pictures
import Programs
import Recipes
import RunSupport
import TensorRuntime

/// Metrics of heatmaps, measured on one network after the other with the same images and random choices.
package struct MetricMeasurement {
  /// By interpreter, then by metric; images in the order of `positions`.
  package struct Results {
    package let positions: [Int]
    package let values: [[MetricResult]]
    let seconds: [[Double]]
  }

  /// With all options.
  package let metrics: [MetricSpecification]
  package let interpreters: [(name: String, any Interpreter)]
  private let made: [any HeatmapMetric]
  private let source: any ImageSource
  private let positions: [Int]
  private let seed: UInt64

  /// - Parameters:
  ///   - section: which metrics, on how many images.
  ///   - interpreters: by the name under which results are reported.
  ///   - source: from which images are taken, evenly spread.
  ///   - network: one of those that are measured; all take images of one size.
  /// - Throws: for a metric that images of this size cannot be measured with.
  package init(
    _ section: MetricsSection, interpreters: [(name: String, any Interpreter)],
    on source: any ImageSource, for network: LoadedNetwork
  ) throws {
    metrics = try section.metrics.map { try $0.resolved() }
    made = try metrics.map { try $0.metric() }
    let preview = Preview(source, count: section.images)
    (self.source, positions) = (preview.source, preview.positions)
    (self.interpreters, seed) = (interpreters, section.seed)
    let shape = network.architecture.inputShape
    for (specification, metric) in zip(metrics, made) {
      let size = ImageSize(width: shape[1], height: shape[0])
      if let obstacle = metric.obstacle(size, channels: shape[2]) {
        throw RunError("\(specification.name): \(obstacle)")
      }
    }
  }

  /// Forward passes of one network, those that explain among them.
  package func runs(of network: LoadedNetwork) -> Int {
    let shape = network.architecture.inputShape
    let layers = network.architecture.parameterLayers.count
    return made.reduce(interpreters.count) { sum, metric in
      let cost = metric.cost(ImageSize(width: shape[1], height: shape[0]), layers: layers)
      return sum + interpreters.count * cost.runs
    } * positions.count
  }

  /// - Parameters:
  ///   - network: to be measured.
  ///   - batchSize: images at a time.
  ///   - compute: how programs are compiled.
  ///   - threads: that decode images.
  ///   - stop: ends it early by `RunStopped`.
  ///   - progress: called with the number of runs that are done.
  package func run(
    _ network: LoadedNetwork, batchSize: Int, compute: ComputeSection, threads: Int?,
    stop: StopRequest?, progress: (_ runs: Int) -> Void
  ) throws -> Results {
    return try withoutActuallyEscaping(progress) { progress in
      var done = 0
      var results = Results(positions: [], values: [], seconds: [])
      for interpreter in interpreters {
        let bench = MetricBench(
          network, interpreter: interpreter, batchSize: batchSize,
          samplesAtOnce: compute.samplesAtOnce, policy: compute.evaluationPolicy, seed: seed,
          stop: stop
        ) { runs in
          done += runs
          progress(done)
        }
        let images = try read(
          network, bench.explainer(positions.count), threads: threads, stop: stop)
        done += images.count
        var (values, seconds) = ([MetricResult](), [Double]())
        let layers = network.architecture.parameterLayers.count
        for metric in made {
          try bench.prepare(for: metric.cost(images.size, layers: layers), images: images.count)
          let begin = ContinuousClock.now
          values.append(try metric.result(of: images, by: bench, seed: seed))
          seconds.append((ContinuousClock.now - begin) / .seconds(1))
        }
        results = Results(
          positions: images.identities, values: results.values + [values],
          seconds: results.seconds + [seconds])
      }
      return results
    }
  }

  /// All images that can be read, with the network's own heatmaps.
  private func read(
    _ network: LoadedNetwork, _ program: EvaluationProgram, threads: Int?, stop: StopRequest?
  ) throws -> ExplainedImages {
    let shape = network.architecture.inputShape
    let size = ImageSize(width: shape[1], height: shape[0])
    let loader = try BatchLoader(
      source, batchSize: program.batchSize, preprocessing: network.preprocessing,
      order: .evaluation, imageSize: size, threads: threads)
    var (samples, labels, maps, identities) = ([Float](), [Int](), [Heatmap](), [Int]())
    while let batch = try loader.next() {
      if stop?.isRequested == true { throw RunStopped("stopped during the metrics") }
      let own = batch.indices.map { positions[$0] }
      try program.run(images: batch.images, labels: batch.labels, identities: own)
      samples += batch.images.prefix(batch.validCount * shape.count)
      labels += batch.labels.prefix(batch.validCount).map(Int.init)
      maps += program.heatmaps(0, count: batch.validCount)
      identities += own
    }
    guard !labels.isEmpty else { throw RunError("none of the images could be read") }
    return ExplainedImages(
      samples: samples, size: size, labels: labels, heatmaps: maps, identities: identities)
  }

  /// What the metrics say of two networks, by interpreter.
  /// - Throws: `RunError` if they were measured on different images.
  package func comparisons(
    original: Results, manipulated: Results, control: Results? = nil
  ) throws -> [MetricComparison] {
    guard original.positions == manipulated.positions,
      control.map({ $0.positions == original.positions }) != false
    else {
      throw RunError(
        "metrics were measured on \(original.positions.count) images of the original network and on "
          + "\(manipulated.positions.count) of the other: an image was unreadable before and is not "
          + "now, or the reverse; run again when the files are as they should be")
    }
    return try interpreters.indices.flatMap { interpreter in
      try metrics.indices.map { metric in
        try MetricComparison(
          metrics[metric], interpreter: interpreters[interpreter].name,
          original: original.values[interpreter][metric],
          manipulated: manipulated.values[interpreter][metric],
          control: control?.values[interpreter][metric],
          seconds: [original, manipulated, control].compactMap(\.self).reduce(0) {
            $0 + $1.seconds[interpreter][metric]
          })
      }
    }
  }
}
