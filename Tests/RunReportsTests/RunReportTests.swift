import Foundation
import ImageData
import Manipulation
import Reports
import RunTestSupport
import TestSupport
import Testing

@Suite struct RunReportTests {
  @Test func runWritesAReportOfItsOwnNumbers() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder))
    recipe.report.images = 20
    var summary = try FoolingRun(recipe, output: folder("fool")).run()
    let report = try RunReport(folder: folder("fool"))
    #expect(report.name == "fool" && report.fooling == "location")
    #expect(report.rates.map(\.interpreter) == ["grad-cam", "simple-grad"])
    for rate in report.rates {
      #expect(rate.manipulated == summary.fsr[rate.interpreter])
      #expect(rate.original == summary.fsrOriginal[rate.interpreter])
    }
    #expect(report.original.top1 == summary.accuracy.original.top1)
    #expect(report.manipulated.top5 == summary.accuracy.manipulated.top5)
    #expect(report.steps.map(\.step) == Array(1...6))
    #expect(report.validations.map(\.step) == [0, 6])
    #expect(report.test == .init(lower: 0, upper: 0.2, isSmallerFooled: true))

    summary.fsrOriginal = ["grad-cam": 0.1, "simple-grad": 0.25]
    #expect(summary.warning == nil)
    summary.fsrOriginal["simple-grad"] = 0.75
    #expect(
      summary.warning
        == "The original network passes the test without any manipulation (simple-grad 75.00 %), so "
        + "this rate is uninformative.")
    summary.fsrOriginal = Dictionary(
      uniqueKeysWithValues: report.rates.map { ($0.interpreter, $0.original) })

    let page = try Page(
      String(contentsOfFile: folder("fool/report.html"), encoding: .utf8))
    func percent(_ share: Double?) -> String { String(format: "%.2f %%", 100 * (share ?? .nan)) }
    #expect(
      page.all("td", class: "heat").map { $0.text.replacing(" †", with: "") }
        == ["grad-cam", "simple-grad"].flatMap {
          [percent(summary.fsrOriginal[$0]), percent(summary.fsr[$0])]
        })
    let accuracy = try #require(page.all("table", class: "accuracy").first).text
    #expect(accuracy.contains(percent(summary.accuracy.original.top1)))
    #expect(accuracy.contains(percent(summary.accuracy.manipulated.top1)))
    #expect(page.all("article").count == 20)

    // The command's own page of the folder is the same file.
    try RunReports.write([folder("fool")], to: folder("again.html"))
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: folder("again.html")))
        == Data(contentsOf: URL(fileURLWithPath: folder("fool/report.html"))))
  }

  /// A summary that somebody has changed is not drawn as if a run had found it.
  @Test(
    arguments: [
      (#""top1" : [0-9.]+"#, #""top1" : 7.5"#, "top1 is 7.5, and a share is from 0 to 1"),
      (#""fsr" : \{\s*"grad-cam" : [0-9.]+"#, #""fsr" : {"grad-cam" : -1"#, "fsr.grad-cam is -1.0"),
      (#""validationImages" : 40"#, #""validationImages" : -40"#, "validationImages is -40"),
      (#""validationImages" : 40"#, #""validationImages" : 4"#, "have 40 images together"),
      (#""index" : 1,"#, #""index" : -1,"#, "index is -1, which is no output"),
      (#""drop" : \{\s*"top1" : [-0-9.e]+"#, #""drop" : {"top1" : 55"#, "drop.top1 is 55.0"),
    ])
  func impossibleNumbersAreRefused(
    pattern: String, replacement: String, expected: String
  ) throws {
    let folder = try TemporaryFolder()
    _ = try FoolingRun(
      Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 1), output: folder("fool")
    ).run()
    let summary = folder("fool/summary.json")
    let text = try String(contentsOfFile: summary, encoding: .utf8)
    let changed = text.replacingOccurrences(
      of: pattern, with: replacement, options: .regularExpression)
    #expect(changed != text)
    try changed.write(toFile: summary, atomically: true, encoding: .utf8)
    #expect { try RunReport(folder: folder("fool")) } throws: {
      "\($0)".contains(expected) && "\($0)".contains("put the file back")
    }
  }

  /// Confidences, heatmaps and scores of the gallery are those of the evaluation.
  @Test func galleryIsOfTheImagesThatWereTested() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), rate: 0.05)
    recipe.report.images = 20
    _ = try FoolingRun(recipe, output: folder("fool")).run()
    let gallery = try RunReport(folder: folder("fool")).gallery
    let losses = try lines(folder("fool/test-losses.jsonl")).map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    let shapes = ShapesDataset(count: 40, seed: 3, split: .validation)
    // Classes take turns: every other image would be of five classes only.
    #expect(Set(gallery.compactMap(\.label)).count > 5)
    let explainer = ExplanationRequest(
      network: NetworkSection(checkpoint: folder("fool/manipulated.h5")),
      original: recipe.network.checkpoint, images: [folder("one.png")],
      interpreters: [recipe.interpreter])
    for picture in gallery {
      for explanation in picture.explanations {
        let line = try #require(
          losses.first {
            $0["image"] as? String == picture.name
              && $0["interpreter"] as? String == explanation.interpreter
          })
        // Foundation's two readers of JSON differ in the last digit.
        let (before, after) = (line["original"] as? Double, line["manipulated"] as? Double)
        #expect(abs((before ?? .nan) - explanation.originalLoss) < 1e-12)
        #expect(abs((after ?? .nan) - explanation.manipulatedLoss) < 1e-12)
        #expect(line["label"] as? String == picture.label)
        #expect(explanation.original != explanation.manipulated)
      }
      let index = try #require((0..<40).first { shapes.name(at: $0) == picture.name })
      try shapes.image(at: index).writePNG(to: folder("one.png"))
      try ImageExplanation.run(explainer) { image in
        #expect(image.network.predicted.name == picture.manipulated.className)
        #expect(abs(image.network.predicted.confidence - picture.manipulated.confidence) < 1e-3)
        let before = try #require(image.original)
        #expect(before.predicted.name == picture.original.className)
        // The class is explained that the image shows, as in the gallery.
        guard before.predicted.name == picture.label else { return }
        let grid = HeatmapGrid(before.heatmaps[0], isSigned: false)
        let other = picture.explanations[0].original
        #expect((grid.width, grid.height) == (other.width, other.height))
        for (a, b) in zip(grid.levels, other.levels) { #expect(abs(Int(a) - Int(b)) <= 1) }
      }
    }
  }

  @Test func evaluationWritesTheSameGallery() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder))
    recipe.report.images = 7
    _ = try FoolingRun(recipe, output: folder("fool")).run()
    let request = EvaluationRequest(
      network: NetworkSection(checkpoint: folder("fool/manipulated.h5")),
      original: try #require(recipe.network.checkpoint), images: .shapes(count: 40, seed: 3),
      fooling: recipe.fooling,
      interpreters: [recipe.interpreter]
        + recipe.evaluation.interpreters.specifications(besides: recipe.interpreter),
      report: recipe.report)
    _ = try EvaluationRun.run(request, output: folder("evaluation"))
    let run = try RunReport(folder: folder("fool"))
    let evaluation = try RunReport(folder: folder("evaluation"))
    #expect(evaluation.gallery.count == 7 && evaluation.gallery == run.gallery)
    #expect(evaluation.rates == run.rates && evaluation.testLosses == run.testLosses)
    #expect(evaluation.test == run.test && evaluation.steps.isEmpty)
    let page = try Page(
      String(contentsOfFile: folder("evaluation/report.html"), encoding: .utf8))
    #expect(page.all("article").count == 7)
    #expect(!page.all("section").contains { $0.attributes["id"] == "training" })
  }

  @Test func reportWithoutGallery() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 2)
    recipe.report.images = 0
    _ = try FoolingRun(recipe, output: folder("fool")).run()
    let report = try RunReport(folder: folder("fool"))
    #expect(report.gallery.isEmpty && report.test != nil)
    #expect(
      try FileManager.default.attributesOfItem(atPath: folder("fool/report.html"))[.size] as? Int
        ?? .max < 100_000)
  }

  @Test func compositesAreShownForBothClasses() throws {
    let folder = try TemporaryFolder()
    var recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 2)
    let names = ShapesDataset(count: 1, seed: 0, split: .train).classNames
    recipe.fooling = FoolingSpecification(name: "active", lambda: 1, classes: [names[2], names[5]])
    recipe.data.composites = .tiles(train: 16, validation: 6, seed: 9)
    _ = try FoolingRun(recipe, output: folder("fool")).run()
    let report = try RunReport(folder: folder("fool"))
    #expect(report.test == .init(lower: 0.5, upper: 2, isSmallerFooled: false))
    #expect(report.gallery.count == 6)
    for picture in report.gallery {
      #expect(picture.label == nil)
      #expect(
        picture.explanations.map(\.className) == [names[2], names[5], names[2], names[5]])
    }
  }

  /// Files of older runs, and what else may be in a folder.
  @Test func whatIsMissingIsLeftOutOrNamed() throws {
    let folder = try TemporaryFolder()
    let recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 2)
    _ = try FoolingRun(recipe, output: folder("a/fool")).run()
    try FileManager.default.copyItem(atPath: folder("a"), toPath: folder("b"))
    for name in ["report.json", "metrics.jsonl", "recipe.yaml"] {
      try FileManager.default.removeItem(atPath: folder("b/fool/\(name)"))
    }
    let old = try RunReport(folder: folder("b/fool"))
    #expect(old.gallery.isEmpty && old.steps.isEmpty && old.recipe == nil && old.test == nil)
    #expect(old.testLosses.map(\.interpreter) == ["grad-cam", "simple-grad"])
    // Two of one name are told apart.
    let page = try Page(RunReports.html(of: [folder("a/fool"), folder("b/fool")]))
    #expect(page.all("b", class: "name").map(\.text) == [folder("a/fool"), folder("b/fool")])

    #expect { try RunReport(folder: folder("train")) } throws: {
      "\($0)".hasSuffix("holds a standard training, which has no heatmaps to report")
    }
    #expect { try RunReport(folder: folder("none")) } throws: {
      "\($0)".hasPrefix(folder("none") + " holds no summary.json")
    }
    try "{\"kind\": 3}\n".write(
      toFile: folder("a/fool/metrics.jsonl"), atomically: true, encoding: .utf8)
    #expect { try RunReport(folder: folder("a/fool")) } throws: {
      "\($0)"
        == folder("a/fool/metrics.jsonl") + " has a line that is no metric: {\"kind\": 3}; put the "
        + "file back as the run has written it, or run again"
    }
  }
  @Test func theFieldOfABrokenSummaryIsNamed() throws {
    let folder = try TemporaryFolder()
    let recipe = Tiny.fooling(try Tiny.checkpoint(in: folder), steps: 2)
    _ = try FoolingRun(recipe, output: folder("fool")).run()
    func reasons(_ name: String, _ changes: [(String, String)]) throws -> [String] {
      let path = folder("fool/" + name)
      let text = try String(contentsOfFile: path, encoding: .utf8)
      defer { try? text.write(toFile: path, atomically: true, encoding: .utf8) }
      return try changes.map { pattern, replacement in
        let changed = text.replacing(try Regex(pattern), with: replacement)
        #expect(changed != text, "\(pattern)")
        try changed.write(toFile: path, atomically: true, encoding: .utf8)
        do {
          _ = try RunReport(folder: folder("fool"))
          return "no error"
        } catch { return "\(error)" }
      }
    }
    let summary = try reasons(
      "summary.json",
      [
        (#""validationImages"\s*:\s*\d+"#, "\"validationImages\": \"x\""),
        (#""validationImages"\s*:\s*\d+"#, "\"validationImages\": 1e40"),
        (#""validationImages"\s*:\s*\d+"#, "\"validationImages\": NaN"),
        (#""validationImages""#, "\"images\""),
        (#"(?s)^.*$"#, ""),
      ])
    let start = "\(folder("fool/summary.json")) is not the summary of a run: "
    let end = "; put the file back as the run has written it, or run again"
    #expect(summary.allSatisfy { $0.hasPrefix(start) && $0.hasSuffix(end) }, "\(summary)")
    let clauses = summary.map { $0.dropFirst(start.count).dropLast(end.count) }
    #expect(clauses[0] == "validationImages is a string, expected a whole number")
    #expect(clauses[1] == "validationImages is 1e40, which is out of range there")
    #expect(clauses[2].hasPrefix("it is not JSON from byte ") && clauses[2].contains("\"NaN"))
    #expect(clauses[3] == "validationImages is missing")
    #expect(clauses[4] == "it is empty")
    let notes = try reasons("report.json", [(#""facts":"#, "\"facts\":3,\"x\":")])
    #expect(
      notes[0].hasPrefix(
        "\(folder("fool/report.json")) cannot be read as the notes of a report: facts is "),
      "\(notes)")
    #expect(
      notes[0].hasSuffix(
        "expected a list; put the file back as the run has written it, or remove it, and the report has "
          + "no gallery"), "\(notes)")
  }
}
