import Foundation
import ImageData
import Pictures
import Reports
import TestSupport
import Testing

@Suite struct ReportPageTests {
  /// Names that try to leave their place.
  static let hostile = [
    "</script><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onload='alert(1)",
    "]]><b>", "&amp;&lt;", "\u{0}\u{1B}[31m\u{FFFF}", "a\u{202E}gpj.exe", "--><!--",
    "\u{7F}\u{9B}2J", "\u{2066}b\u{2069}",
  ]

  private static func map(_ side: Int, seed: UInt64, signed: Bool = false) -> Heatmap {
    var random = RandomGenerator(seed: seed)
    return Heatmap(
      height: side, width: side,
      values: (0..<side * side).map { _ in Float(random.uniform()) - (signed ? 0.5 : 0) })
  }

  static func noise(_ side: Int, seed: UInt64) -> Image {
    var random = RandomGenerator(seed: seed)
    return Image(
      width: side, height: side,
      pixels: (0..<side * side * 3).map { _ in UInt8(random.uniform() * 255.99) })
  }

  static func picture(
    _ name: String, label: String?, interpreters: [String], loss: Double = 0.1, side: Int = 64,
    seed: UInt64 = 1
  ) -> GalleryPicture {
    let longest = GalleryBudget.heatmapSide(count: 2 * interpreters.count)
    return GalleryPicture(
      name: name, label: label, photograph: GalleryImage(noise(side, seed: seed)),
      original: .init(className: label ?? "church", confidence: 0.875),
      manipulated: .init(className: "other", confidence: 0.5),
      labelConfidence: label.map { _ in 0.875 },
      manipulatedLabelConfidence: label.map { _ in 0.25 },
      explanations: interpreters.enumerated().map { index, interpreter in
        func grid(_ seed: UInt64) -> HeatmapGrid {
          let map = Self.map(side, seed: seed, signed: index == 1)
          return HeatmapGrid(map.averaged(longestSide: longest), isSigned: index == 1)
        }
        return .init(
          interpreter: interpreter, className: label ?? "church", original: grid(seed),
          manipulated: grid(seed + 1), originalLoss: 0.5, manipulatedLoss: loss)
      })
  }

  static func report(
    name: String = "first", interpreters: [String] = ["grad-cam", "simple-grad"],
    gallery: [GalleryPicture] = [], recipe: String? = "fooling: {name: location}\n"
  ) -> RunReport {
    RunReport(
      name: name, toolVersion: "9.9.9", fooling: "location", interpreter: interpreters[0],
      original: .init(top1: 0.8455, top5: 0.9855), manipulated: .init(top1: 0.8345, top5: 0.985),
      rates: interpreters.enumerated().map {
        .init(
          interpreter: $0.element, original: 0.0125 * Double($0.offset),
          manipulated: 0.9375 - 0.25 * Double($0.offset))
      }, images: 400, skippedImages: 2,
      test: .init(lower: 0, upper: 0.2, isSmallerFooled: true),
      testLosses: interpreters.map {
        .init(
          interpreter: $0, original: [0.5, 0.625, 0.1, 0.5], manipulated: [0.125, 0.2, 0.625, 0.1])
      },
      steps: (1...1000).map {
        .init(
          step: $0, loss: 3 - Double($0) / 500, crossEntropy: 0.5, penalty: 1 - Double($0) / 1000)
      },
      validations: [0, 500, 1000].map { step in
        .init(
          step: step, top1: 0.84,
          rates: Dictionary(uniqueKeysWithValues: interpreters.map { ($0, Double(step) / 2000) }))
      }, facts: [.init("Network", "resnet18")], recipe: recipe, gallery: gallery)
  }

  @Test func numbersAreThoseOfTheRun() throws {
    let page = try Page(ReportPage(Self.report()).html())
    let accuracy = try #require(page.all("table", class: "accuracy").first).text
    for number in ["84.55 %", "98.55 %", "83.45 %", "98.50 %", "1.10", "0.05"] {
      #expect(accuracy.contains(number), "\(number) in \(accuracy)")
    }
    let cells = page.all("td", class: "heat")
    #expect(cells.map(\.text) == ["0.00 %", "93.75 %", "1.25 %", "68.75 %"])
    #expect(
      cells.map { $0.attributes["style"] } == [
        "--share: 0.0%", "--share: 93.8%", "--share: 1.2%", "--share: 68.8%",
      ])
    // The framed cell is the one that was aimed at.
    #expect(page.all("td", class: "aim").map(\.text) == ["93.75 %"])
    #expect(
      page.all("p", class: "headline").map(\.text) == [
        "The grad-cam heatmap of 93.75 % of the images is fooled, 0.00 % before; on 400 images "
          + "top-1 accuracy falls by 1.10 points, from 84.55 % to 83.45 %."
      ])
    #expect(page.all("pre").map(\.text) == ["fooling: {name: location}\n"])
    #expect(page.all("p", class: "note")[0].text.contains("2 images could not be read"))
  }

  @Test func sentenceSaysWhereAccuracyGoes() {
    var report = Self.report()
    report.manipulated.top1 = 0.8455
    #expect(report.sentence.hasSuffix("on 400 images top-1 accuracy stays at 84.55 %."))
    report.manipulated.top1 = 0.9
    #expect(
      report.sentence.hasSuffix("top-1 accuracy rises by 5.45 points, from 84.55 % to 90.00 %."))
  }

  @Test func wholeNumbersAreWrittenWhole() throws {
    let page = try Page(ReportPage(Self.report()).html())
    let ticks = page.all("text", class: "tick").map(\.text)
    #expect(ticks.contains("1000") && !ticks.contains { $0.contains("e+") }, "\(ticks)")
  }

  /// On paper an image with many heatmaps takes the whole width.
  @Test func cardsOfManyHeatmapsAreMarked() throws {
    func cards(_ interpreters: [String]) throws -> [String?] {
      let picture = Self.picture("a.png", label: "church", interpreters: interpreters)
      let report = Self.report(interpreters: interpreters, gallery: [picture])
      return try Page(ReportPage(report).html()).all("article").map { $0.attributes["class"] }
    }
    #expect(try cards(["grad-cam", "simple-grad"]) == ["card"])
    #expect(try cards(["grad-cam", "simple-grad", "lrp"]) == ["card many"])
  }

  /// A rate that the original reaches as well is marked, and a sentence says what that means.
  @Test func aHighRateOfTheOriginalIsSaid() throws {
    var report = Self.report()
    #expect(!ReportPage(report).html().contains("†"))
    report.rates[1].original = 0.9244
    var page = try Page(ReportPage(report).html())
    #expect(
      page.all("td", class: "heat").map(\.text) == ["0.00 %", "93.75 %", "92.44 % †", "68.75 %"])
    #expect(
      page.all("p", class: "note").map(\.text).contains(
        "† The original network passes the test without any manipulation (simple-grad 92.44 %), so "
          + "this rate is uninformative."))
    // The headline is about the first interpreter.
    #expect(page.all("p", class: "headline")[0].text.hasSuffix("to 83.45 %."))
    report.rates[0].original = RunReport.Rate.high
    page = try Page(ReportPage([report, Self.report(name: "second")]).html())
    #expect(
      page.all("p", class: "note").map(\.text).contains(
        "† first: The original network passes the test without any manipulation (grad-cam 50.00 %, "
          + "simple-grad 92.44 %), so these rates are uninformative."))
    #expect(report.sentence.hasSuffix("(grad-cam 50.00 %), so this rate is uninformative."))
  }

  @Test func histogramsCountEveryImageAndDrawTheThreshold() throws {
    let page = try Page(ReportPage(Self.report(interpreters: ["grad-cam"])).html())
    for (network, total) in [("original", 4), ("manipulated", 4)] {
      let bars = page.all("rect", class: network)
      let counts = try bars.map { bar in
        let place = try #require(page.elements.firstIndex { $0.attributes == bar.attributes })
        let title = page.elements[place + 1]
        #expect(title.name == "title" && title.text.hasPrefix("\(network): "))
        return try #require(Int(title.text.split(separator: " ")[1]))
      }
      #expect(counts.reduce(0, +) == total)
    }
    // Losses from 0 to 0.625 and 0.2 between x = 52 and 468.
    let line = try #require(page.all("line", class: "threshold").first)
    #expect(line.attributes["x1"] == "185.1" && line.attributes["x2"] == "185.1")
    let region = try #require(page.all("rect", class: "region").first)
    #expect(region.attributes["x"] == "52.0" && region.attributes["width"] == "133.1")
    #expect(
      page.all("svg").contains {
        $0.attributes["aria-label"]?.contains(
          "1 of 4 images are fooled by the original, 3 of 4 by the manipulated network") == true
      })
  }

  @Test func curvesAreReducedToWhatCanBeSeen() throws {
    let page = try Page(ReportPage(Self.report()).html())
    let paths = page.all("path", class: "line").compactMap { $0.attributes["d"] }
    // Loss, cross-entropy, penalty; accuracy and two rates.
    #expect(paths.count == 6)
    let points = paths.map { $0.split(whereSeparator: { $0 == "M" || $0 == "L" }).count }
    #expect(points == [240, 240, 240, 3, 3, 3])
    #expect(page.all("circle").count == 9)
    // From the first step to the last across the plot.
    #expect(paths[3].hasPrefix("M52.0 ") && paths[3].contains("L468.0 "))
  }

  @Test func hostileNamesStayText() throws {
    for name in Self.hostile {
      let html = ReportPage(
        Self.report(
          name: name, interpreters: [name, "simple-grad"],
          gallery: [Self.picture(name, label: name, interpreters: [name, "simple-grad"])],
          recipe: name)
      ).html()
      let page = try Page(html)
      #expect(page.all("script").count == 1 && page.all("style").count == 1)
      #expect(page.all("b").count(where: { $0.attributes["class"] != "fooled" }) == 0)
      #expect(page.all("img").allSatisfy { $0.attributes["src"]?.hasPrefix("data:image") == true })
      #expect(
        page.elements.allSatisfy { element in
          element.attributes.keys.allSatisfy { !$0.hasPrefix("on") }
        })
      // What may not stand in HTML at all is replaced.
      let shown = String(
        String.UnicodeScalarView(
          name.unicodeScalars.map { scalar in
            switch scalar.value {
            case 0..<32, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069, 0xFFFF: "\u{FFFD}"
            default: scalar
            }
          }))
      #expect(page.all("h1").map(\.text) == [shown])
      #expect(page.all("h3").map(\.text) == [shown])
      #expect(page.all("article").map { $0.attributes["data-label"] } == [shown])
      #expect(!html.contains(name) || name == "&amp;&lt;")
    }
  }

  /// Numbers that a file may hold and nobody means: infinite, none at all, or so large that their
  /// differences are.
  static let extremes: [[Double]] = [
    [-.greatestFiniteMagnitude, .greatestFiniteMagnitude], [.infinity, -.infinity, .nan],
    [.leastNonzeroMagnitude, 0], [1e308, 1e308, 0.1], [-1e300, 1], [.nan], [1e16, 1e16 + 4],
  ]

  @Test(arguments: extremes)
  func extremeNumbersMakeAPage(values: [Double]) throws {
    for bound in values + [0.2] {
      var report = Self.report()
      report.test = .init(lower: -bound, upper: bound, isSmallerFooled: bound.sign == .plus)
      report.testLosses = [
        .init(interpreter: "grad-cam", original: values, manipulated: values + [bound])
      ]
      report.steps = (0..<600).map { place in
        let value = values[place % values.count]
        return .init(step: Int.max - place, loss: value, crossEntropy: -value, penalty: bound)
      }
      report.validations = values.map { .init(step: .min, top1: $0, rates: ["grad-cam": -$0]) }
      report.original = .init(top1: values[0], top5: bound)
      (report.images, report.skippedImages) = (Int.max, Int.max)
      for page in [ReportPage(report), ReportPage([report, report])] {
        let html = page.html()
        let charts = try Page(html).elements.flatMap { $0.attributes }.filter { name, _ in
          ["x", "y", "cx", "cy", "d", "points", "width", "height", "x1", "y1"].contains(name)
        }
        #expect(
          charts.allSatisfy { !$0.value.contains("nan") && !$0.value.contains("inf") },
          "\(values), \(bound)")
      }
    }
  }

  @Test(arguments: extremes)
  func extremeSpreadsAndRangesMakeAPage(values: [Double]) throws {
    let points = values.enumerated().map { place, value in
      StudyReport.Series.Point(x: value, y: value, spread: values[values.count - 1 - place])
    }
    let chart = StudyReport.Chart(
      title: "extreme", xTitle: "x", yRange: -.infinity ... .greatestFiniteMagnitude,
      series: [.init(name: "a", points: points)])
    let report = StudyReport(
      name: "extreme", toolVersion: "0", subjects: [],
      sections: [
        .init(
          name: "a", title: "a", question: "a", findings: [],
          tables: [
            .init(
              caption: "a", head: ["a"],
              rows: [.init("a", values.map { .init("a", share: $0) })])
          ], charts: [chart], note: "")
      ], facts: [], recipe: "")
    _ = try Page(StudyReportPage(report).html())
  }

  @Test func galleryShowsBothNetworks() throws {
    let interpreters = ["grad-cam", "simple-grad"]
    let pictures = (0..<5).map {
      Self.picture(
        "set/a/\($0).jpg", label: "tench", interpreters: interpreters, loss: 0.125 * Double($0))
    }
    let page = try Page(ReportPage(Self.report(gallery: pictures)).html())
    #expect(page.all("article").count == 5)
    #expect(page.all("canvas").count == 5 * 2 * 2)
    // Smaller scores are more fooled, so they count as more.
    #expect(
      page.all("article").map { $0.attributes["data-fooled"] } == [
        "-0.0 -0.0", "-0.125 -0.125", "-0.25 -0.25", "-0.375 -0.375", "-0.5 -0.5",
      ])
    #expect(page.all("article").allSatisfy { $0.attributes["data-lost"] == "0.625" })
    // 0 and 0.125 of the manipulated network are at most 0.2.
    #expect(page.all("b", class: "fooled").count == 2 * 2)
    let first = page.all("article")[0].text
    #expect(first.contains("a/0.jpg") && first.contains("tench 87.50 %"))
    #expect(first.contains("other 50.00 % (tench: 25.00 %)"))
    #expect(page.all("span", class: "wrong").count == 5)
    let canvas = page.all("canvas")[0].attributes
    #expect(canvas["data-columns"] == "56" && canvas["data-rows"] == "56")
    #expect(page.all("canvas").map { $0.attributes["data-signed"] }[..<4] == ["0", "0", "1", "1"])
    let levels = try #require(Data(base64Encoded: canvas["data-map"] ?? ""))
    #expect(levels == pictures[0].explanations[0].original.levels)
    #expect(page.all("option").filter { $0.text.hasSuffix("-grad") }.count == 1)
  }

  @Test func imagesOfTwoClassesAreCalledByBoth() throws {
    var picture = Self.picture("tiles/1", label: nil, interpreters: ["grad-cam"])
    var other = picture.explanations[0]
    other.className = "parachute"
    picture.explanations.append(other)
    let page = try Page(
      ReportPage(Self.report(interpreters: ["grad-cam"], gallery: [picture])).html())
    #expect(page.all("h3").map(\.text) == ["church, parachute"])
    #expect(
      page.all("p", class: "what").map(\.text) == [
        "grad-cam for church", "grad-cam for parachute",
      ])
    // Without a label no confidence in it is lost, and nobody is wrong.
    #expect(page.all("article")[0].attributes["data-lost"] == "")
    #expect(page.all("span", class: "wrong").isEmpty)
  }

  @Test func runsStandSideBySide() throws {
    let interpreters = ["grad-cam", "simple-grad"]
    func run(_ name: String, _ images: [String]) -> RunReport {
      Self.report(
        name: name, interpreters: interpreters,
        gallery: images.map { Self.picture($0, label: "tench", interpreters: interpreters) })
    }
    var second = run("second", ["b.jpg", "c.jpg"])
    second.rates = [.init(interpreter: "lrp-t", original: 0, manipulated: 1)]
    let page = try Page(ReportPage([run("first", ["a.jpg", "b.jpg"]), second]).html())
    #expect(page.all("h1").map(\.text) == ["2 runs compared"])
    #expect(page.all("li").filter { $0.text.hasPrefix("first The grad-cam heatmap") }.count == 1)
    // Three interpreters in all; a dash where one was not measured.
    let rates = try #require(page.all("table", class: "rates").first)
    #expect(rates.text.contains("grad-cam0.00 %93.75 %––"))
    #expect(rates.text.contains("lrp-t––0.00 %100.00 %"))
    // An image of both runs is one card.
    #expect(page.all("article").count == 3)
    #expect(page.all("canvas").count == (1 + 2 + 1) * 4)
  }

  /// The largest there can be: noise, which no JPEG makes small, and every interpreter.
  @Test func sixtyFourImagesStayBelowEightMegabytes() throws {
    let interpreters = (0..<13).map { "interpreter-\($0)" }
    let pictures = (0..<64).map {
      Self.picture(
        "folder/\($0).jpg", label: "class", interpreters: interpreters, side: 256, seed: UInt64($0))
    }
    let html = ReportPage(Self.report(interpreters: interpreters, gallery: pictures)).html()
    #expect(html.utf8.count < 8_000_000, "\(html.utf8.count)")
    #expect(html.utf8.count > 4_000_000)
  }

  @Test func partsWithoutDataAreLeftOut() throws {
    var report = Self.report(recipe: nil)
    (report.steps, report.validations, report.testLosses) = ([], [], [])
    let page = try Page(ReportPage(report).html())
    #expect(
      page.all("section").compactMap { $0.attributes["id"] } == ["result", "record"])
    // Without training nobody knows which interpreter was aimed at.
    #expect(page.all("td", class: "aim").isEmpty)
    #expect(page.all("script").isEmpty && page.all("svg").isEmpty)
    #expect(page.all("a").compactMap { $0.attributes["href"] } == ["#result", "#record"])
  }

  @Test func levelsKeepTheZeroOfSignedMaps() {
    let map = Heatmap(height: 1, width: 5, values: [-2, -1, 0, 1, .nan])
    #expect(Array(HeatmapGrid(map, isSigned: true).levels) == [1, 65, 128, 192, 128])
    let positive = Heatmap(height: 1, width: 3, values: [0, 1, 2])
    #expect(Array(HeatmapGrid(positive, isSigned: false).levels) == [0, 128, 255])
  }
}
