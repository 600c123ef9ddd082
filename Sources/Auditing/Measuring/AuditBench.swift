import Explanations
import Foundation
import ImageData
import Networks
import Pictures
import Programs
import Recipes
import RunSupport
import TensorGraph
import TensorRuntime

/// The images of an audit, without overlap, each evenly spread over the classes.
struct AuditImages {
  /// Whose heatmaps are compared.
  let probe: ProbeImages
  /// For batch norms and trigger inversion.
  let others: ProbeImages
  /// For fine-tunes alone, since batch norms fit what they were trained on. None without an original.
  let tuning: ProbeImages

  /// One of each class after the other, those of a class in the given order.
  static func byTurns(_ images: [Int], label: (Int) -> Int) -> [Int] {
    let byClass = Dictionary(grouping: images, by: label).sorted { $0.key < $1.key }.map(\.value)
    return (0..<(byClass.map(\.count).max() ?? 0)).flatMap { turn in
      byClass.compactMap { turn < $0.count ? $0[turn] : nil }
    }
  }
}

extension ProbeImages {
  /// The least and the greatest of the normalised samples, by channel.
  var sampleRanges: [(low: Float, high: Float)] {
    let channels = sampleCount / imageSize.area
    return (0..<channels).map { channel in
      let own = stride(from: channel, to: samples.count, by: channels).lazy.map { samples[$0] }
      return (own.min() ?? 0, own.max() ?? 0)
    }
  }
}

/// One network whose weights are exchanged, with the programs that measure it: the suspect, the same
/// with other batch-norm statistics, honest fine-tunes, the original.
final class AuditBench {
  /// Heatmaps are compared on grids of at most so many cells a side.
  static let longestSide = 16
  /// Of the cells, how many are blanked.
  static let deletedShare = 0.25

  let network: LoadedNetwork
  /// Under the names by which results are reported.
  let interpreters: [(name: String, any Interpreter)]
  private let images: AuditImages
  var probe: ProbeImages { images.probe }
  var others: ProbeImages { images.others }
  var tuning: ProbeImages { images.tuning }
  let batchNorms: BatchNormProgram?
  let program: EvaluationProgram
  private let classifier: EvaluationProgram
  private let stop: StopRequest
  private let seed: UInt64

  init(
    _ network: LoadedNetwork, interpreters: [(name: String, any Interpreter)],
    images: AuditImages, request: AuditRequest, stop: StopRequest
  ) throws {
    (self.network, self.interpreters, self.images) = (network, interpreters, images)
    (self.stop, seed) = (stop, request.seed)
    let policy = request.compute.evaluationPolicy
    program = try EvaluationProgram(
      network, interpreters: interpreters, batchSize: request.batchSize,
      samplesAtOnce: request.compute.samplesAtOnce, policy: policy)
    classifier = try EvaluationProgram(
      network, interpreters: [], batchSize: request.batchSize, policy: policy)
    batchNorms = try BatchNormProgram(
      network, batchSize: min(50, max(2, images.others.count)), policy: policy)
  }

  /// Arithmetic of a classified image.
  var classificationFlops: Int { classifier.flops / classifier.batchSize }

  /// Arithmetic of an explained image.
  var flopsPerImage: Int { program.flops / program.batchSize }

  /// Puts other weights into the network.
  func show(_ weights: [String: Tensor]) throws {
    try network.parameters.restore(ParameterSnapshot(tensors: weights))
  }

  /// - Parameters:
  ///   - deletes: whether cells are blanked as well.
  ///   - progress: called with the share done.
  func read(deletes: Bool = false, progress: (Double) -> Void = { _ in }) throws -> NetworkReading {
    var reading = NetworkReading(labels: probe.labels, predicted: [], probabilities: [])
    reading.maps = [[Heatmap]](repeating: [], count: interpreters.count)
    for batch in probe.batches(of: program.batchSize) {
      if stop.isRequested { throw RunStopped("stopped during the audit; nothing was written") }
      try program.run(
        images: probe.batch(batch, size: program.batchSize),
        labels: probe.labels(batch, size: program.batchSize), identities: Array(batch))
      for row in try rows(program, batch.count) {
        reading.predicted.append(row.predicted)
        reading.probabilities.append(row.confidences)
      }
      for interpreter in interpreters.indices {
        reading.maps[interpreter] += program.heatmaps(interpreter, count: batch.count).map {
          comparable($0.finite)
        }
      }
      progress(Double(batch.upperBound) / Double(probe.count) * (deletes ? 0.5 : 1))
    }
    if deletes {
      reading.deletionGains = try deletionGains(reading) { progress(0.5 + $0 / 2) }
    }
    return reading
  }

  /// What the network says of the probe images, without heatmaps: which cost most of a reading.
  func classify() throws -> NetworkReading {
    var reading = NetworkReading(labels: probe.labels, predicted: [], probabilities: [])
    try run(classifier, on: Array(0..<probe.count)) { _, _, _ in
    } reading: { places in
      for row in try rows(classifier, places.count) {
        reading.predicted.append(row.predicted)
        reading.probabilities.append(row.confidences)
      }
    }
    return reading
  }

  /// Runs a program on changed images, a batch at a time.
  /// - Parameters:
  ///   - images: of the probe; one may stand there several times.
  ///   - change: what is done to a row of samples; told the row and the place in `images`.
  ///   - reading: called after each run, with the places in `images` that its rows are.
  func run(
    _ program: EvaluationProgram, on images: [Int],
    change: (_ samples: inout [Float], _ row: Int, _ place: Int) -> Void,
    reading: (_ places: Range<Int>) throws -> Void
  ) throws {
    for begin in stride(from: 0, to: images.count, by: program.batchSize) {
      if stop.isRequested { throw RunStopped("stopped during the audit; nothing was written") }
      let places = begin..<min(images.count, begin + program.batchSize)
      var samples = probe.batch(images[places], size: program.batchSize)
      for (row, place) in places.enumerated() { change(&samples, row, place) }
      try program.run(
        images: samples, labels: probe.labels(images[places], size: program.batchSize))
      try reading(places)
    }
  }

  private func rows(_ program: EvaluationProgram, _ count: Int) throws -> [Classification] {
    let logits = program.logits.values
    return try (0..<count).map { image in
      let row = logits[image * program.classes..<(image + 1) * program.classes]
      guard row.allSatisfy(\.isFinite) else {
        throw RunError(
          "\(network.path ?? network.architecture.name): the network's outputs are not finite, so it "
            + "names no class; its weights are damaged or far too large (trompe inspect --check)")
      }
      return Classification(logits: row, program.output)
    }
  }

  /// Relevance below zero counts as none; averaged by area to a grid on which ranks mean something.
  func comparable(_ map: Heatmap) -> Heatmap {
    let positive =
      map.isSigned
      ? Heatmap(height: map.height, width: map.width, values: map.values.map { max($0, 0) }) : map
    return positive.averaged(longestSide: Self.longestSide)
  }

  // MARK: Deletion

  private func deletionGains(
    _ reading: NetworkReading, progress: (Double) -> Void
  ) throws -> [[Double]] {
    let random = try falls(reading) { image, cells in
      var generator = RandomGenerator(seed: seed, 11, image)
      return generator.permutation(of: cells)
    }
    var gains: [[Double]] = []
    // Random cells depend on the grid alone: once for each.
    for interpreter in interpreters.indices {
      let own = try falls(reading, on: interpreter) { image, _ in
        let values = reading.maps[interpreter][image].values
        return values.indices.sorted {
          values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1
        }
      }
      let reference = random[grid(reading, interpreter)] ?? own
      gains.append(zip(own, reference).map { $0 - $1 })
      progress(Double(interpreter + 1) / Double(interpreters.count))
    }
    return gains
  }

  private func grid(_ reading: NetworkReading, _ interpreter: Int) -> ImageSize {
    let map = reading.maps[interpreter][0]
    return ImageSize(width: map.width, height: map.height)
  }

  /// Falls of the label's probability by grid.
  private func falls(
    _ reading: NetworkReading, order: (_ image: Int, _ cells: Int) -> [Int]
  ) throws -> [ImageSize: [Double]] {
    let grids = Set(interpreters.indices.map { grid(reading, $0) })
    return try grids.reduce(into: [:]) { result, grid in
      result[grid] = try falls(reading, grid: grid, order: order)
    }
  }

  private func falls(
    _ reading: NetworkReading, on interpreter: Int, order: (_ image: Int, _ cells: Int) -> [Int]
  ) throws -> [Double] {
    try falls(reading, grid: grid(reading, interpreter), order: order)
  }

  private func falls(
    _ reading: NetworkReading, grid: ImageSize, order: (_ image: Int, _ cells: Int) -> [Int]
  ) throws -> [Double] {
    var falls: [Double] = []
    let cells = grid.width * grid.height
    let blanked = max(1, Int((Self.deletedShare * Double(cells)).rounded()))
    try run(classifier, on: Array(0..<probe.count)) { samples, row, image in
      for cell in order(image, cells).prefix(blanked) {
        blank(cell, of: grid, in: &samples, row: row)
      }
    } reading: { images in
      for (image, row) in zip(images, try rows(classifier, images.count)) {
        let label = probe.labels[image]
        falls.append(reading.probabilities[image][label] - row.confidences[label])
      }
    }
    return falls
  }

  // MARK: Occlusion

  /// Longest side of its grid, and most images.
  private static let occlusionSide = 8
  private static let occludedImages = 100

  /// What outputs alone say of images that the network is sure of: on the grid of the first interpreter,
  /// by how much the logarithm of the label's probability falls when a cell and its neighbours are
  /// blanked. Zeiler, Fergus 2014.
  func occlusion(
    _ reading: NetworkReading, progress: (Double) -> Void
  ) throws -> [(image: Int, map: Heatmap)] {
    let own = reading.maps[0][0].averaged(longestSide: Self.occlusionSide)
    let grid = ImageSize(width: own.width, height: own.height)
    let cells = grid.width * grid.height
    let images = Array(
      AuditImages.byTurns((0..<reading.count).filter(reading.isSure)) { reading.labels[$0] }
        .prefix(Self.occludedImages))
    // Every image with each of its cells blanked.
    let copies = images.flatMap { [Int](repeating: $0, count: cells) }
    var falls: [Float] = []
    try run(classifier, on: copies) { samples, row, place in
      for cell in Self.window(around: place % cells, of: grid) {
        blank(cell, of: grid, in: &samples, row: row)
      }
    } reading: { places in
      for (place, row) in zip(places, try rows(classifier, places.count)) {
        let label = probe.labels[copies[place]]
        let before = max(reading.probabilities[copies[place]][label], 1e-12)
        falls.append(Float(log(before / max(row.confidences[label], 1e-12))))
      }
      progress(Double(places.upperBound) / Double(copies.count))
    }
    return images.enumerated().map { place, image in
      (
        image,
        Heatmap(
          height: grid.height, width: grid.width,
          values: Array(falls[place * cells..<(place + 1) * cells]))
      )
    }
  }

  /// The cell and its neighbours: a single one is seldom missed.
  private static func window(around cell: Int, of grid: ImageSize) -> [Int] {
    let (y, x) = (cell / grid.width, cell % grid.width)
    return (max(0, y - 1)...min(grid.height - 1, y + 1)).flatMap { row in
      (max(0, x - 1)...min(grid.width - 1, x + 1)).map { row * grid.width + $0 }
    }
  }

  /// 0 is the mean colour of the preprocessing.
  private func blank(_ cell: Int, of grid: ImageSize, in samples: inout [Float], row: Int) {
    let size = probe.imageSize
    let channels = probe.sampleCount / size.area
    let (y, x) = (cell / grid.width, cell % grid.width)
    for line in y * size.height / grid.height..<(y + 1) * size.height / grid.height {
      let begin =
        row * probe.sampleCount
        + (line * size.width + x * size.width / grid.width) * channels
      let end =
        row * probe.sampleCount
        + (line * size.width + (x + 1) * size.width / grid.width) * channels
      for sample in begin..<end { samples[sample] = 0 }
    }
  }
}
