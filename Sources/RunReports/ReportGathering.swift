import Evaluation
import ImageData
import Reports
import RunFolders

/// Gathers what a report shows of single images while two networks are measured, and writes it.
package struct ReportGathering {
  /// To be given to the measurements of the two networks.
  package let original: GalleryCollector
  package let manipulated: GalleryCollector

  /// - Parameters:
  ///   - images: how many the gallery has.
  ///   - live: of the images that are shown while the run goes on.
  package init(_ measurement: FoolingMeasurement, images: Int, live: GalleryCollector? = nil) {
    let positions = spreadPositions(count: images, of: measurement.tested.count)
    let heatmaps = measurement.heatmapsOfImage
    original = GalleryCollector(positions: positions, heatmaps: heatmaps, beside: live)
    manipulated = GalleryCollector(positions: positions, heatmaps: heatmaps)
  }

  /// Writes `report.json` and, of everything in the folder, `report.html`.
  /// - Parameters:
  ///   - classNames: of all the network's classes.
  ///   - facts: what was done, beside what the folder's files say.
  package func write(
    to folder: RunFolder, _ measurement: FoolingMeasurement,
    results: (original: EvaluationResult, manipulated: EvaluationResult), classNames: [String],
    facts: [RunReport.Fact]
  ) throws {
    let notes = ReportNotes(
      facts: facts, test: measurement.test, interpreters: measurement.interpreters,
      collected: (original, manipulated), results: results, tested: measurement.tested,
      preprocessing: measurement.testedPreprocessing, classNames: classNames)
    try folder.write(String(decoding: notes.json(), as: UTF8.self), to: folder.reportNotes)
    try folder.write(RunReports.html(of: [folder]), to: folder.report)
  }
}

extension FoolingMeasurement {
  /// How many heatmaps a picture of a gallery has.
  var heatmapsOfImage: Int {
    2 * (fooling.explained.areOfLabelledImages ? 1 : 2) * interpreters.count
  }
}
