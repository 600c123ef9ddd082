import ImageData
import Pictures
import Testing

@Suite struct OverlayTests {
  private let gray = Image(
    width: 6, height: 4, color: Image.Pixel(red: 100, green: 100, blue: 100))

  @Test func colorsAreMixedWithThePhotograph() {
    var overlay = Overlay(colors: .viridis, opacity: 1, outlinedShare: nil)
    let map = Heatmap(height: 4, width: 6, values: (0..<24).map { $0 == 9 ? 2 : 0 })
    let picture = overlay.picture(of: map, over: gray)
    #expect(picture[3, 1] == ColorMap.viridis.colors[255])
    // A quarter of the map's darkest colour: 100 + (68 − 100) / 4, and so on.
    #expect(picture[0, 0] == Image.Pixel(red: 92, green: 75, blue: 96))
    overlay.opacity = 0
    #expect(overlay.picture(of: map, over: gray) == gray)
  }

  @Test func negativeRelevanceIsBlueAndPositiveRed() {
    let overlay = Overlay(opacity: 1, outlinedShare: nil)
    let map = Heatmap(height: 4, width: 6, values: (0..<24).map { $0 == 0 ? -1 : $0 == 1 ? 1 : 0 })
    let picture = overlay.picture(of: map, over: gray)
    #expect(picture[0, 0] == ColorMap.coolWarm.colors[0])
    #expect(picture[1, 0] == ColorMap.coolWarm.colors[255])
    // Whether colours diverge can be said for maps that are compared.
    let positive = Heatmap(height: 4, width: 6, values: map.values.map { max($0, 0) })
    #expect(
      overlay.picture(of: positive, over: gray, isSigned: true)[1, 0]
        == ColorMap.coolWarm.colors[255])
    #expect(
      overlay.picture(of: positive, over: gray)[1, 0] == ColorMap.inferno.colors[255])
  }

  @Test func outlineIsWhite() {
    let map = Heatmap(height: 4, width: 6, values: (0..<24).map { $0 == 9 ? 2 : 0 })
    let picture = Overlay(outlinedShare: 0.04).picture(of: map, over: gray)
    #expect(picture[3, 1] == .white)
    #expect(picture.pixels.filter { $0 == 255 }.count >= 3)
    #expect(picture[0, 0] != .white)
  }

  /// A network with weights that are not numbers must not end the program.
  @Test func mapsThatAreNoNumbersAreDrawnAsNoRelevance() {
    let broken = Heatmap(height: 4, width: 6, values: (0..<24).map { $0 % 2 == 0 ? .nan : 0 })
    let empty = Heatmap(height: 4, width: 6, values: [Float](repeating: 0, count: 24))
    let overlay = Overlay()
    #expect(overlay.picture(of: broken, over: gray) == overlay.picture(of: empty, over: gray))
  }

  @Test func picturesStandSideBySide() {
    let red = Image(width: 2, height: 4, color: Image.Pixel(red: 255, green: 0, blue: 0))
    let row = Image(sideBySide: [gray, red, gray], gap: 3)
    #expect(row.size == ImageSize(width: 20, height: 4))
    #expect(row[5, 2] == gray[0, 0] && row[6, 2] == .white && row[8, 2] == .white)
    #expect(row[9, 0] == red[0, 0] && row[11, 3] == .white && row[14, 3] == gray[0, 0])
    #expect(Image(sideBySide: [red]) == red)
  }

  @Test func smallImagesAreEnlargedByWholeNumbers() {
    #expect(gray.enlarged(toShorterSide: 10).size == ImageSize(width: 18, height: 12))
    #expect(gray.enlarged(toShorterSide: 4) == gray)
  }
}
