import ImageData
import Reports

/// Gathers what a report shows of single images while two networks are measured, and writes it.
struct ReportGathering {
  /// To be given to the measurements of the two networks.
  let original: GalleryCollector
  let manipulated: GalleryCollector

  /// - Parameter images: how many the gallery has.
  init(_ measurement: Measurement, images: Int) {
    let positions = spreadPositions(count: images, of: measurement.tested.count)
    let classes = measurement.fooling.explained == .labels ? 1 : 2
    let heatmaps = 2 * classes * measurement.interpreters.count
    original = GalleryCollector(positions: positions, heatmaps: heatmaps)
    manipulated = GalleryCollector(positions: positions, heatmaps: heatmaps)
  }

  /// Writes `report.json` and, of everything in the folder, `report.html`.
  /// - Parameters:
  ///   - classNames: of all the network's classes.
  ///   - facts: what was done, beside what the folder's files say.
  func write(
    to folder: RunFolder, _ measurement: Measurement,
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
