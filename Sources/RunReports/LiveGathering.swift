import Evaluation
import Foundation
import Reports
import RunFolders
import RunSupport

/// A few images with their heatmaps while a run goes on: `live.json`, which is there until the run has its
/// report. Nothing is measured for it.
package struct LiveGathering {
  /// Of the images that are shown.
  private static let count = 8

  private let measurement: FoolingMeasurement
  /// How many of the interpreters are fooled; the others are left to the report.
  private let fooled: Int
  /// Where the images of a validation stand among those that the fooling's test is about.
  private let part: [Int]
  /// Which of them are shown.
  private let places: [Int]
  private let classNames: [String]
  /// To be filled while the original network is measured.
  package let original: GalleryCollector

  /// - Parameters:
  ///   - measurement: of the run.
  ///   - fooled: how many of its interpreters are fooled.
  ///   - part: which of its tested images a validation measures.
  ///   - classNames: of all the network's classes.
  package init(
    _ measurement: FoolingMeasurement, fooled: Int, part: [Int], classNames: [String]
  ) {
    (self.measurement, self.fooled) = (measurement, fooled)
    (self.part, self.classNames) = (part, classNames)
    places = spreadPositions(count: Self.count, of: part.count)
    original = GalleryCollector(
      positions: places.map { part[$0] }, heatmaps: measurement.heatmapsOfImage)
  }

  /// To be filled by a validation.
  package func collector() -> GalleryCollector {
    GalleryCollector(positions: places, heatmaps: measurement.heatmapsOfImage)
  }

  /// - Parameters:
  ///   - original: what was measured of the original network.
  ///   - validation: what the last validation has found; none yet if `nil`.
  ///   - step: after which.
  ///   - folder: of the run.
  package func write(
    original result: EvaluationResult, validation: (GalleryCollector, EvaluationResult)? = nil,
    step: Int, to folder: RunFolder
  ) {
    let (collected, measured) =
      validation.map { ($0.moved(to: part), $1.moved(to: part)) } ?? (original, result)
    let notes = ReportNotes(
      facts: [], test: measurement.test,
      interpreters: Array(measurement.interpreters.prefix(fooled)),
      collected: (original, collected), results: (result, measured), tested: measurement.tested,
      preprocessing: measurement.testedPreprocessing, classNames: classNames)
    let live = LiveNotes(step: step, test: notes.test, gallery: notes.gallery)
    // A run does not end because nobody can watch it.
    guard let data = try? JSONEncoder.nonFinite.encode(live) else { return }
    try? folder.write(data, to: folder.live)
  }
}

/// `live.json`.
struct LiveNotes: Codable {
  /// After which the tested network's heatmaps were drawn.
  var step: Int
  var test: RunReport.SuccessTest
  var gallery: [GalleryPicture]
}
