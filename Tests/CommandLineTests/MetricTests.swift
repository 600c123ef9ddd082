import Foundation
import TestSupport
import Testing

/// `trompe evaluate --metric` as people call it.
@Suite struct MetricTests {
  private let folder: TemporaryFolder
  private var network: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../checkpoints/shapes-resnet.h5").standardizedFileURL.path
  }

  init() throws { folder = try TemporaryFolder() }

  private func evaluate(_ options: String...) throws -> CommandLineProgram.Result {
    try CommandLineProgram.run(
      list: [
        "evaluate", network, "--against", network, "--shapes", "12", "--quiet", "--set",
        "evaluation.interpreters=[]", "--interpreter", "grad-cam@layer4",
      ] + options, in: folder.url)
  }

  @Test func metricsOfBothNetworksAreInTheTableTheSummaryAndTheReport() throws {
    let result = try evaluate(
      "--metric", "sparseness,deletion", "--metric", "{name: road, percentages: [10, 50]}",
      "--metric-images", "6", "-o", "out")
    #expect(result.code == 0, "\(result.error)")
    for line in ["Sparseness", "Deletion", "ROAD"] {
      #expect(result.output.contains("\n\(line) "), "\(result.output)")
    }
    // A network against itself: no metric can rate it worse.
    #expect(result.output.contains("no worse") && !result.output.contains("rated worse"))
    let data = try Data(contentsOf: folder.url.appendingPathComponent("out/summary.json"))
    let summary = try #require(
      JSONSerialization.jsonObject(with: data) as? [String: Any])
    let metrics = try #require(summary["metrics"] as? [[String: Any]])
    #expect(
      metrics.map { $0["metric"] as? String } == ["sparseness", "deletion", "road"])
    #expect(metrics.allSatisfy { $0["images"] as? Int == 6 && $0["difference"] as? Double == 0 })
    let page = try String(
      contentsOf: folder.url.appendingPathComponent("out/report.html"), encoding: .utf8)
    #expect(page.contains("Metrics of the heatmaps"))
    _ = try Page(page)
  }

  @Test func withoutMetricsTheSummaryHasNone() throws {
    let result = try evaluate("--json")
    #expect(result.code == 0 && !result.output.contains("\"metrics\""))
  }

  @Test(arguments: [
    (["--metric", "roat"], "unknown metric \"roat\": did you mean \"road\"?"),
    (["--metric", "road,road"], "has a metric twice"),
    (
      ["--metric", "{name: road, radius: 1}"], "radius is no option of road, but of max-sensitivity"
    ),
    (["--metric", "{name: road, percentages: [100]}"], "so nothing is left to fill it from"),
    (
      ["--metric", "{name: faithfulness-correlation, subset: 100000}"],
      "subsets of 100000 samples, but an image has 12288; give a smaller subset"
    ),
    (["--metric-images", "4"], "--metric-images is for --metric, which is not given"),
    (["--metric", "road", "--metric-images", "0"], "--metric-images is 0, expected 1 to 1024"),
  ])
  func whatCannotBeMeasuredIsSaidInOneSentence(options: [String], message: String) throws {
    let result = try CommandLineProgram.run(
      list: [
        "evaluate", network, "--against", network, "--shapes", "12", "--quiet", "--interpreter",
        "grad-cam@layer4",
      ] + options, in: folder.url)
    #expect(result.code != 0 && result.output == "")
    #expect(result.error.contains(message), "\(result.error)")
  }
}
