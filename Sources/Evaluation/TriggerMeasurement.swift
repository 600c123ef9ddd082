import Foolings
import ImageData
import Pictures
import Programs
import RunSupport
import Similarity
import TensorRuntime

/// What one network does under one trigger, and without it.
public struct TriggerMeasurement: Codable, Hashable, Sendable {
  /// Which images are explained, and what their maps are compared with.
  public enum Pair: String, Codable, Hashable, Sendable, CaseIterable {
    case cleanToTarget, cleanToOriginal, triggeredToTarget, triggeredToOriginal
  }

  /// How two maps are compared: both dissimilarities of the foolings, and ranks.
  package static let measures: [any SimilarityMeasure] =
    Dissimilarity.allCases.map(\.measure) + [SpearmanCorrelation()]

  /// What the network predicts for the images with the trigger on them; labels are their own.
  public var predictions: [EvaluationResult.Prediction] = []
  /// By interpreter and pair, then by position: one number for each measure.
  public var distances: [String: [Pair: [Int: [Double]]]] = [:]

  /// Takes up what another process has compared.
  fileprivate mutating func add(_ others: [String: [Pair: [Int: [Double]]]]) {
    for (interpreter, pairs) in others {
      distances[interpreter, default: [:]].merge(pairs) { $0.merging($1) { own, _ in own } }
    }
  }

  /// Share of images of other classes that get `label` under the trigger; `nil` if there are none.
  public func successRate(of label: Int, among isIn: (Int) -> Bool = { _ in true }) -> Double? {
    let others = predictions.filter { $0.label != label && isIn($0.label) }
    guard !others.isEmpty else { return nil }
    return Double(others.count { $0.predicted == label }) / Double(others.count)
  }

  /// Share of images that keep their own label under the trigger, 0 of none.
  public func accuracy(among isIn: (Int) -> Bool = { _ in true }) -> Double {
    let own = predictions.filter { isIn($0.label) }
    return own.isEmpty ? 0 : Double(own.count(where: \.isCorrect)) / Double(own.count)
  }

  /// Means over the images, one for each measure; empty if nothing was compared.
  /// - Parameters:
  ///   - interpreter: by its reported name.
  ///   - pair: which two maps are compared.
  ///   - isIn: which positions count.
  public func means(
    _ interpreter: String, _ pair: Pair, among isIn: (Int) -> Bool = { _ in true }
  ) -> [Double] {
    let all = (distances[interpreter]?[pair] ?? [:]).filter { isIn($0.key) }
    guard !all.isEmpty else { return [] }
    return Self.measures.indices.map { measure in
      // In the order of the images, so that sums do not depend on a dictionary's.
      all.sorted { $0.key < $1.key }.reduce(0.0) { $0 + $1.value[measure] } / Double(all.count)
    }
  }
}

extension FoolingMeasurement {
  /// As `run`, of a network on clean and on triggered images. An image counts among the all-zero if one
  /// of its maps is.
  package func run(
    under triggers: TriggerFooling, original: EvaluationResult?, preview: Preview?,
    gallery: GalleryCollector?, changing: ((Batch) -> [Float])?, stop: StopRequest?,
    progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> EvaluationResult {
    let (evaluator, whole) = validation
    let source = preview?.source ?? whole
    let total = triggers.copies * source.count
    let digests = original?.digests(in: preview)
    var measured = triggers.attacks.map { _ in TriggerMeasurement() }
    func compare(
      _ map: Heatmap, _ digest: [Float], _ index: Int, _ interpreter: String, _ position: Int,
      _ pairs: (target: TriggerMeasurement.Pair, original: TriggerMeasurement.Pair)
    ) {
      let clean = Heatmap(height: map.height, width: map.width, values: digest)
      let target = triggers.under(trigger: index).target(digest, like: map)
      let toOriginal = TriggerMeasurement.measures.map { $0(map, clean) }
      let toTarget =
        target == clean ? toOriginal : TriggerMeasurement.measures.map { $0(map, target) }
      measured[index].distances[interpreter, default: [:]][pairs.target, default: [:]][position] =
        toTarget
      measured[index].distances[interpreter, default: [:]][pairs.original, default: [:]][position] =
        toOriginal
    }
    var result = try evaluator.evaluate(
      source, test: test, original: digests, positions: preview?.positions, gallery: gallery,
      changing: changing,
      comparing: { interpreter, position, maps, digest in
        for index in triggers.attacks.indices {
          compare(
            maps[0], digest, index, interpreter, position, (.cleanToTarget, .cleanToOriginal))
        }
      }, stop: stop, progress: { progress($0, total) })
    let known = digests ?? result.digests
    var (worst, empty): ([String: [Int: Double]], [String: [Int: Int]]) = ([:], [:])
    for (index, attack) in triggers.attacks.enumerated() {
      let stamp = try attack.trigger.stamp(
        on: evaluator.imageSize, for: evaluator.preprocessing)
      let triggered = try evaluator.evaluate(
        source, test: test.testing(triggers.under(trigger: index)), original: known,
        positions: preview?.positions, gallery: gallery?.triggered(index),
        changing: { stamp(changing?($0) ?? $0.images) },
        comparing: { interpreter, position, maps, digest in
          compare(
            maps[0], digest, index, interpreter, position,
            (.triggeredToTarget, .triggeredToOriginal))
        }, stop: stop, progress: { progress((index + 1) * source.count + $0, total) })
      measured[index].predictions = triggered.predictions
      let missed = Set(
        triggered.predictions.filter { attack.label != nil && $0.predicted != attack.label }
          .map(\.position))
      for (interpreter, losses) in triggered.testLosses {
        let vanished = triggered.vanished[interpreter] ?? []
        for (place, position) in triggered.explained.enumerated() {
          let more = missed.contains(position) ? triggers.dissimilarity.largest : 0
          let score = losses[place] + more
          worst[interpreter, default: [:]][position] = max(
            score, worst[interpreter]?[position] ?? score)
          empty[interpreter, default: [:]][position, default: 0] += vanished[place]
        }
      }
      result.nonFiniteMaps.merge(triggered.nonFiniteMaps, uniquingKeysWith: +)
    }
    if let group = evaluator.group {
      for part in try group.gather(values: measured.map(\.distances)) {
        for index in measured.indices { measured[index].add(part[index]) }
      }
    }
    for interpreter in result.testLosses.keys {
      let (scores, vanished) = (worst[interpreter] ?? [:], empty[interpreter] ?? [:])
      // An image that can be read no second time meets no criterion.
      result.testLosses[interpreter] = result.explained.map {
        scores[$0] ?? 2 * triggers.dissimilarity.largest
      }
      result.vanished[interpreter] = zip(result.explained, result.vanished[interpreter] ?? []).map {
        min(1, $1 + (vanished[$0] ?? 0))
      }
    }
    result.triggered = measured
    return result
  }
}
