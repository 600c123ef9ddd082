import Foundation
import ImageData
import Testing

@Suite struct PreprocessingTests {
  /// keras.applications.imagenet_utils.preprocess_input of red 255, green 51, blue 0 by its modes, and
  /// (x - 127) / 128.
  @Test(arguments: [
    (Preprocessing.Style.torch, [2.248908, -1.1428571, -1.8044444]),
    (.caffe, [-103.939, -65.779, 131.32]), (.tf, [1, -0.6, -1]),
    (.lite, [1, -0.59375, -0.9921875]),
  ])
  func stylesAreThoseOfKeras(style: Preprocessing.Style, expected: [Float]) {
    let image = Image(width: 1, height: 1, pixels: [255, 51, 0])
    let result = Normalizer(Preprocessing(style: style))(image)
    for (value, expected) in zip(result, expected) {
      // The mean in [0, 1] is rounded before it is multiplied by 255.
      #expect(abs(value - expected) < 3e-5)
    }
  }

  @Test func channelOrderIsRecordedWhereItIsNotTheUsual() throws {
    let usual = try JSONEncoder().encode(Preprocessing())
    #expect(!String(decoding: usual, as: UTF8.self).contains("channelOrder"))
    for style in Preprocessing.Style.allCases {
      let preprocessing = Preprocessing(resize: .shorterSide(length: 256), style: style)
      let decoded = try JSONDecoder().decode(
        Preprocessing.self, from: JSONEncoder().encode(preprocessing))
      #expect(decoded == preprocessing)
    }
  }

  @Test func normalizationIsExactForEveryValue() {
    let preprocessing = Preprocessing(mean: [0.5, 0, 0.25], standardDeviation: [0.5, 2, 0.125])
    let image = Image(width: 256, height: 1, pixels: (0..<256).flatMap { [UInt8($0), 255, 51] })
    let result = Normalizer(preprocessing)(image)
    #expect(result.count == 768)
    for value in 0..<256 {
      #expect(result[value * 3] == (Float(value) / 255 - 0.5) / 0.5)
      #expect(result[value * 3 + 1] == 0.5)
      // 51 / 255 is 0.2; the tolerance is a few units in the last place of -0.4.
      #expect(abs(result[value * 3 + 2] - -0.4) < 1e-6)
    }
  }

  /// torchvision's Resize(n) keeps the ratio and rounds the longer side down.
  @Test func shorterSideFollowsTorchvision() throws {
    let preprocessing = Preprocessing(resize: .shorterSide(length: 40))
    #expect(preprocessing.outputSize == nil)
    for (source, result) in [((97, 61), (63, 40)), ((61, 97), (40, 63)), ((40, 40), (40, 40))] {
      let image = pattern(width: source.0, height: source.1)
      let expected = ImageSize(width: result.0, height: result.1)
      #expect(preprocessing.outputSize(of: image.size) == expected)
      #expect(try preprocessing.prepare(image, name: "a").size == expected)
    }
  }

  /// (L / 255 - 0.5) / 0.25, L by Pillow's `convert("L")`: 128·19595 + 8·38470 + 240·7471 = 4608960,
  /// and 0x8000 more over 65536 is 70.8, so 70.
  @Test func aNetworkOfOneChannelIsGivenGray() throws {
    let preprocessing = Preprocessing(mean: [0.5], standardDeviation: [0.25])
    let normalizer = Normalizer(preprocessing)
    let image = Image(width: 2, height: 1, pixels: [128, 8, 240, 255, 255, 255])
    #expect(normalizer.channels == 1)
    let darker: Float = (Float(70) / 255 - 0.5) / 0.25
    #expect(normalizer(image) == [darker, 2])
    // Without rounding, for iterates between whole numbers.
    let exact = normalizer(samples: image.pixels.map(Float.init))
    let gray: Float = 4_608_960 / 65_536
    #expect(abs(exact[0] - (gray / 255 - 0.5) / 0.25) < 1e-6)
    let derivative = normalizer.derivativeInSamples([2, 0][...])
    let unit: Float = 2 / (255 * 0.25)
    for (value, weight) in zip(derivative, [19_595, 38_470, 7_471] as [Float]) {
      let expected: Float = unit * weight / 65_536
      #expect(abs(value - expected) < 1e-7)
    }
    #expect(derivative.count == 6 && derivative[3...].allSatisfy { $0 == 0 })
    let loader = try BatchLoader(
      ColorSource(count: 3), batchSize: 2, preprocessing: preprocessing, order: .evaluation)
    let batch = try #require(try loader.next())
    #expect(batch.images.count == 2 * batch.imageSize.area)
  }

  @Test func aStyleForOneChannelIsTheMeanOfItsThree() {
    let gray = Preprocessing(style: .torch, channels: 1)
    #expect(gray.mean == [0.449] && gray.standardDeviation == [0.226])
    #expect(Preprocessing(style: .caffe, channels: 1).channelOrder == .rgb)
  }

  /// Halves round to even: of the margins 97 - 32 = 65 and 61 - 32 = 29, 32 and 14 come first.
  @Test func centerCropFollowsTorchvision() throws {
    let preprocessing = Preprocessing(centerCrop: ImageSize(width: 32, height: 32))
    #expect(preprocessing.outputSize == ImageSize(width: 32, height: 32))
    let image = pattern(width: 97, height: 61)
    #expect(
      try preprocessing.prepare(image, name: "a")
        == image.cropped(x: 32, y: 14, to: ImageSize(width: 32, height: 32)))
  }

  @Test func impossibleCropsAndSizesAreErrors() throws {
    let crop = Preprocessing(centerCrop: ImageSize(width: 32, height: 32))
    let error = #expect(throws: ImageError.self) {
      try crop.prepare(pattern(width: 40, height: 20), name: "flat.png")
    }
    #expect(
      error?.description
        == "flat.png: is 40x20 after resizing, smaller than the centre crop of 32x32")
    let thin = Image(width: 1, height: 16_000, color: .white)
    #expect(throws: ImageError.self) {
      try Preprocessing(resize: .shorterSide(length: 256)).prepare(thin, name: "thin.png")
    }
  }

  @Test func validationNamesTheField() {
    func message(_ preprocessing: Preprocessing) -> String? {
      #expect(throws: Preprocessing.Invalid.self) { try preprocessing.validate() }?.description
    }
    #expect(
      message(Preprocessing(resize: .exact(width: 0, height: 8)))
        == "resize.exact is 0x8, expected sides from 1 to 16384")
    #expect(
      message(Preprocessing(mean: [0.5, 0.5]))
        == "mean is [0.5, 0.5], expected three numbers, or one for gray images")
    #expect(
      message(Preprocessing(mean: [0.5]))
        == "standardDeviation is [0.229, 0.224, 0.225], expected one positive number, as many as mean "
        + "has")
    #expect(throws: Never.self) {
      try Preprocessing(mean: [0.5], standardDeviation: [0.25]).validate()
    }
    #expect(message(Preprocessing(standardDeviation: [1, 0, 1])) != nil)
    func message(_ augmentation: Augmentation) -> String? {
      #expect(throws: Augmentation.Invalid.self) { try augmentation.validate() }?.description
    }
    #expect(
      message(Augmentation(crop: .none, flipProbability: 1.5))
        == "flipProbability is 1.5, expected 0 to 1")
    #expect(message(.randomResizedCrop(scale: 0...1)) != nil)
    #expect(message(.padAndCrop(-1)) != nil)
  }

  @Test func configurationsSurviveJSON() throws {
    for resize in [
      Preprocessing.Resize.none, .exact(width: 3, height: 4), .shorterSide(length: 256),
    ] {
      let value = Preprocessing(
        resize: resize, centerCrop: ImageSize(width: 224, height: 224))
      let data = try JSONEncoder().encode(value)
      #expect(try JSONDecoder().decode(Preprocessing.self, from: data) == value)
    }
    for value in [Augmentation.none, .flip, .randomResizedCrop(), .padAndCrop()] {
      let data = try JSONEncoder().encode(value)
      #expect(try JSONDecoder().decode(Augmentation.self, from: data) == value)
    }
  }
}
