import Explanations
import Foundation
import ImageData
import Networks
import Pictures
import Programs
import RunSupport
import Similarity
import TensorRuntime

/// What one small patch, the same at the same place of every image, does at most to labels and to heatmaps.
///
/// Squares of an eighth of the shorter side, as bright or as dark as images get, plain or with a frame of a
/// quarter of their side, are laid on images at every quarter of their side, of large networks at every
/// half. Those that most often make one class of images of other classes, and those that change heatmaps
/// most, are tried on further images, and the worst of these on the rest, which gives the numbers: no patch
/// was chosen by the images that they are of.
/// - Note: a trigger that looks otherwise is not found so.
struct PatchScan {
  enum Look: String, CaseIterable {
    case bright, dark, brightFrame, darkFrame

    /// Whether a pixel so far from the nearest border of the square is as bright as images get.
    func isBright(_ distance: Int, frame: Int) -> Bool {
      switch self {
      case .bright: true
      case .dark: false
      case .brightFrame: distance < frame
      case .darkFrame: distance >= frame
      }
    }
  }
  struct Patch: Hashable {
    let row: Int
    let column: Int
    let side: Int
    let look: Look
    var frame: Int { max(1, side / 4) }
  }
  /// A patch and what it does, by image.
  struct Finding {
    let patch: Patch
    /// Of images of other classes, whether they become `label`; or by how much heatmaps change, 1 − ρ.
    let values: [(image: Int, value: Double)]
    /// The class that images become; `nil` of heatmaps.
    let label: Int?
    /// Of heatmaps, those under the patch, in the order of `values`.
    var maps: [Heatmap] = []
    var mean: Double { values.map(\.value).mean }
  }
  struct Result {
    let labels: Finding?
    /// By place among the interpreters, of those that are looked at.
    let heatmaps: [(place: Int, finding: Finding)]
  }

  /// Of the shorter side.
  private static let share = 8
  /// Images of the first two rounds.
  private static let first = 4
  private static let second = 32
  /// Patches that the second round tries.
  private static let kept = 12
  /// Images that the numbers are of, at most.
  private static let last = 100
  private static let mostFlops = 8e12

  private let bench: AuditBench
  private let program: EvaluationProgram
  /// Among the interpreters: the first Grad-CAM, and the first that explains by the gradient at the input.
  private let places: [Int]
  private let reading: NetworkReading
  private let patches: [Patch]
  private let ranges: [(low: Float, high: Float)]

  /// - Parameter reading: of the network that is looked at.
  init(_ bench: AuditBench, _ reading: NetworkReading, request: AuditRequest) throws {
    (self.bench, self.reading) = (bench, reading)
    places = [
      bench.interpreters.firstIndex { $0.1 is GradCAM },
      bench.interpreters.firstIndex { $0.1 is SimpleGrad },
    ].compactMap(\.self)
    program = try EvaluationProgram(
      bench.network, interpreters: places.map { bench.interpreters[$0] }, batchSize: 32,
      policy: request.compute.evaluationPolicy)
    ranges = bench.probe.sampleRanges
    let size = bench.probe.imageSize
    let side = max(2, min(size.width, size.height) / Self.share)
    func squares(_ step: Int) -> [Patch] {
      stride(from: 0, through: size.height - side, by: max(1, step)).flatMap { row in
        stride(from: 0, through: size.width - side, by: max(1, step)).flatMap { column in
          Look.allCases.map { Patch(row: row, column: column, side: side, look: $0) }
        }
      }
    }
    let dense = squares(side / 4)
    let flops = Double(program.flops) / Double(program.batchSize)
    patches =
      flops * Double(dense.count * Self.first) <= Self.mostFlops ? dense : squares(side / 2)
  }

  /// - Parameter progress: called with the share done.
  /// - Returns: `nil` with too few images that the network is sure of.
  func run(progress: (Double) -> Void) throws -> Result? {
    let sure = (0..<reading.count).filter(reading.isSure)
    // By turns of the classes, so that each round has all of them.
    let order = AuditImages.byTurns(sure) { reading.labels[$0] }
    let first = Self.first
    guard order.count >= 3 * first else { return nil }
    let second = min(Self.second, (order.count - first) / 2)
    let rounds = (
      Array(order.prefix(first)), Array(order.dropFirst(first).prefix(second)),
      Array(order.dropFirst(first + second).prefix(Self.last))
    )
    let work = Double(
      patches.count * first + (1 + places.count) * (Self.kept * second + rounds.2.count))
    var done = 0.0
    func effects(_ patches: [Patch], _ images: [Int]) throws -> [Effect] {
      try self.effects(of: patches, on: images) { count in
        done += Double(count)
        progress(min(1, done / work))
      }
    }
    let all = try effects(patches, rounds.0)
    func best(_ effects: [Effect], _ count: Int, by score: (Effect) -> Double) -> [Effect] {
      let scores = effects.map(score)
      return effects.indices.sorted {
        scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1
      }.prefix(count).map { effects[$0] }
    }
    /// Of those that the first round has chosen, the worst of the second.
    func worst(by score: (Effect) -> Double) throws -> Effect? {
      let chosen = best(all, Self.kept, by: score).map(\.patch)
      return best(try effects(chosen, rounds.1), 1, by: score).first
    }
    guard let toward = try worst(by: { $0.label(reading).share }) else { return nil }
    let label = toward.label(reading).label
    let moved = try effects([toward.patch], rounds.2)[0]
    let labels = Finding(
      patch: toward.patch, values: moved.becoming(label, reading), label: label)
    let heatmaps = try places.indices.compactMap { own -> (Int, Finding)? in
      guard let changing = try worst(by: { $0.change(own) }) else { return nil }
      let changed = try effects([changing.patch], rounds.2)[0]
      return (
        places[own],
        Finding(
          patch: changing.patch, values: changed.changes[own], label: nil, maps: changed.maps[own])
      )
    }
    return Result(labels: labels, heatmaps: heatmaps)
  }

  // MARK: One patch

  private struct Effect {
    let patch: Patch
    let images: [Int]
    let predicted: [Int]
    /// 1 − ρ of the heatmaps before and after, of images that keep their class, by interpreter.
    let changes: [[(image: Int, value: Double)]]
    /// Under the patch, of the same images.
    let maps: [[Heatmap]]
    func change(_ interpreter: Int) -> Double { changes[interpreter].map(\.value).mean }

    /// Of images of other classes, whether they become it.
    func becoming(_ label: Int, _ reading: NetworkReading) -> [(image: Int, value: Double)] {
      zip(images, predicted).compactMap { image, predicted in
        reading.labels[image] == label ? nil : (image, predicted == label ? 1 : 0)
      }
    }

    /// The class that most become.
    func label(_ reading: NetworkReading) -> (label: Int, share: Double) {
      let found = Set(predicted).sorted().map { label in
        (label, becoming(label, reading).map(\.value).mean)
      }
      return found.max { $0.1 < $1.1 } ?? (0, 0)
    }
  }

  /// Of every patch on all of the images, as many at a time as a batch holds.
  private func effects(
    of patches: [Patch], on images: [Int], progress: (Int) -> Void
  ) throws -> [Effect] {
    let copies = patches.flatMap { _ in images }
    var predicted = [[Int]](repeating: [], count: patches.count)
    var changes = [[[(image: Int, value: Double)]]](
      repeating: [[(image: Int, value: Double)]](repeating: [], count: places.count),
      count: patches.count)
    var painted = [[[Heatmap]]](
      repeating: [[Heatmap]](repeating: [], count: places.count), count: patches.count)
    // Of thousands of patches nobody looks at them.
    let keepsMaps = patches.count == 1
    try bench.run(program, on: copies) { samples, row, copy in
      paint(patches[copy / images.count], on: &samples, row: row)
    } reading: { batch in
      let logits = program.logits.values
      let maps = places.indices.map { program.heatmaps($0, count: batch.count) }
      for (row, copy) in batch.enumerated() {
        let (patch, image) = (copy / images.count, copies[copy])
        let now = Classification.predicted(
          logits[row * program.classes..<(row + 1) * program.classes])
        predicted[patch].append(now)
        guard now == reading.labels[image] else { continue }
        for (own, place) in places.enumerated() {
          let after = bench.comparable(maps[own][row].finite)
          if keepsMaps { painted[patch][own].append(after) }
          changes[patch][own].append(
            (image, 1 - spearmanCorrelation(reading.maps[place][image].values, after.values)))
        }
      }
      progress(batch.count)
    }
    return patches.indices.map {
      Effect(
        patch: patches[$0], images: images, predicted: predicted[$0], changes: changes[$0],
        maps: painted[$0])
    }
  }

  private func paint(_ patch: Patch, on samples: inout [Float], row: Int) {
    let width = bench.probe.imageSize.width
    let channels = ranges.count
    for y in 0..<patch.side {
      let begin =
        row * bench.probe.sampleCount
        + ((patch.row + y) * width + patch.column) * channels
      for sample in 0..<patch.side * channels {
        let x = sample / channels
        let distance = min(min(x, patch.side - 1 - x), min(y, patch.side - 1 - y))
        let (low, high) = ranges[sample % channels]
        samples[begin + sample] = patch.look.isBright(distance, frame: patch.frame) ? high : low
      }
    }
  }
}
