import Foundation
import ImageData
import Pictures
import Reports
import TestSupport
import Testing

@Suite struct LivePageTests {
  private func page(_ name: String, step: Int, levels: Int = 4) throws -> Page {
    let image = GalleryImage(
      Image(width: 8, height: 8, pixels: [UInt8](repeating: 99, count: 8 * 8 * 3)))
    var grid = HeatmapGrid(Heatmap(height: 2, width: 2, values: [0, 1, 2, 3]), isSigned: false)
    grid.levels = Data(count: levels)
    let picture = GalleryPicture(
      name: name, label: name, photograph: image,
      original: .init(className: name, confidence: 1),
      manipulated: .init(className: name, confidence: 1), labelConfidence: 1,
      manipulatedLabelConfidence: 1,
      explanations: [
        .init(
          interpreter: name, className: name, original: grid, manipulated: grid, originalLoss: 0.75,
          manipulatedLoss: 0.25)
      ])
    let heatmaps = LivePage.Heatmaps(
      step: step, test: .init(lower: 0, upper: 0.5, isSmallerFooled: true), gallery: [picture])
    return try Page(
      LivePage(
        name: name, toolVersion: "9.9.9", totalSteps: 8,
        steps: [.init(step: step, loss: 2, crossEntropy: 1, penalty: 1)],
        validations: [.init(step: step, top1: 0.5, rates: [name: 1])], heatmaps: heatmaps,
        recipe: name, isFinished: false
      ).html(nonce: "abc"))
  }

  /// Names from files stay text, whatever they hold.
  @Test(arguments: ReportPageTests.hostile)
  func namesAreText(name: String) throws {
    let page = try page(name, step: 4)
    #expect(page.all("script").count == 1 && page.all("img").count == 3)
    #expect(page.all("script").first?.attributes["nonce"] == "abc")
    #expect(page.all("path").count == 5)
  }

  @Test func itSaysHowFarTheRunIs() throws {
    let middle = try page("first", step: 4)
    #expect(middle.all("p", class: "headline").first?.text == "Step 4 of 8, loss 2.")
    #expect(middle.all("b", class: "fooled").count == 1)
    let last = try page("first", step: 8)
    #expect(last.all("p", class: "headline").first?.text.hasPrefix("All 8 steps are done.") == true)
    // Of the original network alone.
    #expect(try page("first", step: 0).all("img").count == 2)
  }

  /// A file that says another size than it holds draws nothing.
  @Test(arguments: [0, 3, 5]) func aMapOfAnotherSizeIsNotDrawn(levels: Int) throws {
    #expect(try page("first", step: 4, levels: levels).all("img").count == 1)
  }
}
