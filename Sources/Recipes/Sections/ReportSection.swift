/// What the report shows.
public struct ReportSection: Hashable, Sendable {
  /// Images of the gallery, spread over those that are tested.
  public var images: Int

  public init(images: Int = 48) { self.images = images }
}

extension ReportSection {
  static let schema = RecipeSchema(
    ReportSection(),
    [
      .defaulted(
        "images", \.images, .integer(0...1000),
        "images in the gallery of `report.html`, evenly spread; 0: no gallery")
    ])
}
