import Foundation
import ImageData
import Pictures
import Testing

@Suite struct HeatmapTests {
  private let small = Heatmap(height: 2, width: 3, values: [1, 2, 4, 8, 16, 32])

  /// `torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`, PyTorch 2.
  @Test(arguments: [
    (
      ImageSize(width: 5, height: 4),
      [
        1, 1.4, 2, 3.2, 4, 2.75, 3.85, 5.5, 8.8, 11, 6.25, 8.75, 12.5, 20, 25, 8, 11.2, 16, 25.6,
        32,
      ] as [Float]
    ),
    (ImageSize(width: 2, height: 3), [1.25, 3.5, 5.625, 15.75, 10, 28]),
  ])
  func bilinearResizingIsPyTorchs(size: ImageSize, expected: [Float]) {
    let resized = small.resizedBilinearly(to: size)
    #expect(resized.height == size.height && resized.width == size.width)
    for (a, b) in zip(resized.values, expected) { #expect(abs(a - b) < 1e-4) }
  }

  @Test(arguments: [1, 2, 3, 5, 7])
  func averagingKeepsTheMean(longest: Int) {
    let map = Heatmap(height: 7, width: 5, values: (0..<35).map { Float(($0 * 17) % 23) })
    let averaged = map.averaged(longestSide: longest)
    #expect(averaged.height == min(7, longest) && averaged.width == min(5, longest))
    func mean(_ map: Heatmap) -> Float { map.values.reduce(0, +) / Float(map.values.count) }
    #expect(abs(mean(averaged) - mean(map)) < 1e-4)
  }

  @Test func averagingWeighsPartsOfPixels() {
    let map = Heatmap(height: 1, width: 3, values: [3, 6, 12])
    // One and a half pixels each: (3 + 6/2) / 1.5, (6/2 + 12) / 1.5.
    #expect(map.averaged(longestSide: 2).values == [4, 10])
  }

  @Test func topIsTheLargestAndWhatEqualsThem() {
    func top(_ values: [Float], _ share: Double) -> [Bool] {
      Heatmap(height: 1, width: values.count, values: values).isAmongTop(share)
    }
    #expect(top([1, 5, 3, 4, 2], 0.4) == [false, true, false, true, false])
    #expect(top([1, 5, 3, 4, 2], 0.21) == [false, true, false, true, false])
    #expect(top([0, 1, 1, 1, 0], 0.2) == [false, true, true, true, false])
    // Of a map with a tenth of relevance, no more than that.
    #expect(top([0, 0, 0, 0, 7], 0.8) == [false, false, false, false, true])
    #expect(top([2, 2, 2], 0.5) == [false, false, false])
    #expect(top([.nan, 1, .infinity], 0.3) == [false, true, false])
    #expect(top([1, 2], 0) == [false, false])
  }

  @Test func outlineIsTheEdgeOfTheRegion() {
    // A square of 4×4 in the middle of 8×8.
    let map = Heatmap(
      height: 8, width: 8,
      values: (0..<64).map { (2..<6).contains($0 / 8) && (2..<6).contains($0 % 8) ? 1 : 0 })
    let outline = map.outlineOfTop(0.25, size: ImageSize(width: 8, height: 8))
    let edge = (0..<64).map { pixel -> Bool in
      let (y, x) = pixel.quotientAndRemainder(dividingBy: 8)
      return (2..<6).contains(y) && (2..<6).contains(x) && (y == 2 || y == 5 || x == 2 || x == 5)
    }
    #expect(outline == edge)
    // Negative relevance is relevance.
    let negative = Heatmap(height: 8, width: 8, values: map.values.map { -$0 })
    #expect(negative.outlineOfTop(0.25, size: ImageSize(width: 8, height: 8)) == edge)
  }

  @Test func coarseMapsAreScaledByTheirLargestFineOnesByAPercentile() {
    let coarse = HeatmapScale(of: Heatmap(height: 1, width: 4, values: [0, 1, -3, 2]))
    #expect(coarse.limit == 3 && coarse.isSigned)
    #expect(coarse(-3) == -1 && coarse(1.5) == 0.5 && coarse(9) == 1)
    var values = [Float](repeating: 1, count: 64 * 64)
    values[77] = 1000
    let fine = HeatmapScale(of: Heatmap(height: 64, width: 64, values: values))
    #expect(fine.limit == 1 && !fine.isSigned && fine(1000) == 1)
    // Fewer than one pixel in a hundred: the percentile is no scale.
    values = [Float](repeating: 0, count: 64 * 64)
    values[77] = 5
    #expect(HeatmapScale(of: Heatmap(height: 64, width: 64, values: values)).limit == 5)
    let empty = HeatmapScale(of: Heatmap(height: 1, width: 2, values: [0, .nan]))
    #expect(empty.limit == 0 && empty(0) == 0 && empty(.nan) == 0)
  }

  @Test(arguments: [(1, 1), (7, 7), (224, 160), (1000, 1)])
  func numPyFileHoldsShapeAndValues(height: Int, width: Int) throws {
    let map = Heatmap(
      height: height, width: width, values: (0..<height * width).map { Float($0) - 0.5 })
    let data = map.numPyFile()
    #expect(data.prefix(8) == Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0]))
    let length = Int(data[8]) | Int(data[9]) << 8
    #expect((10 + length) % 64 == 0)
    let header = String(decoding: data[10..<10 + length], as: UTF8.self)
    #expect(
      header.hasPrefix(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (\(height), \(width)), }"))
    #expect(header.hasSuffix("\n"))
    let body = data[(10 + length)...]
    #expect(body.count == 4 * height * width)
    let values = stride(from: body.startIndex, to: body.endIndex, by: 4).map { place in
      Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(body[place + $1]) << (8 * $1) })
    }
    #expect(values == map.values)
    #expect(NumPyFile.isOurs(data) && NumPyFile.isOurs(data.prefix(1024)))
    // As NumPy writes it, the header is as short as it can be.
    let short = length - 64
    let theirs =
      data.prefix(8) + Data([UInt8(short & 255), UInt8(short >> 8)])
      + Data((header.dropLast(65) + "\n").utf8) + body
    #expect(!NumPyFile.isOurs(theirs) && !NumPyFile.isOurs(data.prefix(60)))
  }
}
