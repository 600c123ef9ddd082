import Foolings
import ImageData
import Networks
import Pictures
import Programs
import Reports
import TensorRuntime

/// Keeps what one network predicts for a few images while it is measured, for the report's gallery.
package final class GalleryCollector {
  /// One image by one network.
  package struct Reading: Codable, Hashable, Sendable {
    package let classification: Classification
    /// By interpreter, then by explained class; no finer than a gallery shows.
    package let heatmaps: [[Heatmap]]

    package init(classification: Classification, heatmaps: [[Heatmap]]) {
      self.classification = classification
      self.heatmaps = heatmaps
    }
  }

  private let wanted: Set<Int>
  private let longestSide: Int
  /// By position in the source.
  package private(set) var readings: [Int: Reading] = [:]
  /// What the same network predicts for the same images with triggers on them, by trigger.
  package private(set) var underTriggers: [Int: GalleryCollector] = [:]
  /// Wants other images, and is given all that this one is given.
  private let beside: GalleryCollector?

  /// - Parameters:
  ///   - positions: of the images.
  ///   - heatmaps: how many there are of an image, of both networks.
  ///   - beside: wants other images of the same measurement.
  package init(positions: [Int], heatmaps: Int, beside: GalleryCollector? = nil) {
    wanted = Set(positions)
    longestSide = GalleryBudget.heatmapSide(count: heatmaps)
    self.beside = beside
  }

  private init(like other: GalleryCollector, beside: GalleryCollector?) {
    (wanted, longestSide, self.beside) = (other.wanted, other.longestSide, beside)
  }

  /// The one for these images with a trigger on them.
  package func triggered(_ index: Int) -> GalleryCollector {
    if let known = underTriggers[index] { return known }
    let collector = GalleryCollector(like: self, beside: beside?.triggered(index))
    underTriggers[index] = collector
    return collector
  }

  /// What was read, to be kept for others who want the same images.
  package struct Kept: Codable, Hashable, Sendable {
    fileprivate let readings: [Int: Reading]
    fileprivate let underTriggers: [Int: Kept]
    /// Of the one beside it, if there is one.
    fileprivate let beside: [Kept]
  }

  package var kept: Kept {
    Kept(
      readings: readings, underTriggers: underTriggers.mapValues(\.kept),
      beside: beside.map { [$0.kept] } ?? [])
  }

  /// The same, of images that stand elsewhere: image i at `positions[i]`.
  package func moved(to positions: [Int]) -> GalleryCollector {
    let moved = GalleryCollector(like: self, beside: nil)
    for (place, reading) in readings { moved.readings[positions[place]] = reading }
    moved.underTriggers = underTriggers.mapValues { $0.moved(to: positions) }
    return moved
  }

  /// What was read before of the images that are wanted.
  package func take(_ kept: Kept) {
    readings = kept.readings.filter { wanted.contains($0.key) }
    for (index, kept) in kept.underTriggers { triggered(index).take(kept) }
    if let own = kept.beside.first { beside?.take(own) }
  }

  /// Takes up what other processes have read of the images that they looked at.
  func join(_ group: any ProcessGroup) throws {
    for kept in try group.gather(values: kept) { add(kept) }
  }

  private func add(_ kept: Kept) {
    readings.merge(kept.readings) { own, _ in own }
    for (index, kept) in kept.underTriggers { triggered(index).add(kept) }
    if let other = kept.beside.first { beside?.add(other) }
  }

  /// - Parameters:
  ///   - positions: in the source, of the batch's images.
  ///   - maps: by interpreter, by image, by explained class.
  ///   - logits: [batch, classes].
  ///   - output: how they become probabilities.
  package func take(
    positions: [Int], maps: [[[Heatmap]]], logits: [Float], classes: Int, output: ClassifierOutput
  ) {
    beside?.take(
      positions: positions, maps: maps, logits: logits, classes: classes, output: output)
    for (image, position) in positions.enumerated() where wanted.contains(position) {
      readings[position] = Reading(
        classification: Classification(
          logits: logits[image * classes..<(image + 1) * classes], output),
        heatmaps: maps.map { images in
          images[image].map { $0.finite.averaged(longestSide: longestSide) }
        })
    }
  }
}

/// Some images of a set, one at a place of its own out of each of `count` equal parts. An even step
/// could meet one class only where classes take turns.
package func spreadPositions(count: Int, of total: Int) -> [Int] {
  let count = min(count, total)
  let goldenRatio = 0.618_033_988_749_895  // its multiples fill the unit interval most evenly
  return (0..<count).map { part in
    let (from, to) = (part * total / count, (part + 1) * total / count)
    let place = (Double(part) * goldenRatio).truncatingRemainder(dividingBy: 1)
    return min(to - 1, from + Int(place * Double(to - from)))
  }
}
