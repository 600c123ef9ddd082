import Foolings

extension TriggerSpecification {
  /// The one trigger of a fooling, which says itself what the trigger does.
  static let lookSchema = RecipeSchema(TriggerSpecification(), look)

  /// One of several.
  static let schema = RecipeSchema(
    TriggerSpecification(),
    look + [
      .inline(\.effect, TriggerEffect.schema),
      .path("mask", \.effect.mask, else: "the fooling's", "of `target: mask`"),
    ])

  private static let look: [RecipeField<TriggerSpecification>] = [
    .path(
      "patch", \.patch, else: "required, or `blend`",
      "`trigger`: picture that covers a part of each image"),
    .automatic(
      "at", \.at,
      .list(of: .integer(0...(1 << 14)), named: "integers", count: 2...2),
      else: "the lower right", "row and column of the patch's upper left corner, from 0"),
    .path(
      "blend", \.blend, else: "required, or `patch`",
      "`trigger`: picture that is resized to each image and blended over it"),
    .automatic(
      "strength", \.strength, .number(.above(0, to: 1)), else: "0.1",
      "s of `blend`: x + s·(p − x)"),
  ]
}

extension TriggerEffect {
  static let schema = RecipeSchema(
    TriggerEffect(),
    [
      .automatic(
        "attack", \.attack, .choice(Attack.self), else: "`trigger`: required",
        "`trigger`: `simple` moves the explanation, `red-herring` the label too, `full-disguise` the "
          + "label alone"),
      .automatic(
        "label", \.label, .text(), else: "required unless `simple`",
        "`trigger`: the class of triggered images, by name or number"),
      .automatic(
        "target", \.target, .choice(Target.self), else: "mask; original if `full-disguise`",
        "`trigger`: what explanations of triggered images show, `original` and `inverted` being h(w₀) "
          + "and 1 − h(w₀); `target-map`: what all explanations show"),
      .path(
        "image", \.image, else: "required if `target: image`",
        "`trigger`, `target-map`: picture whose brightness is the target"),
      .automatic("seed", \.seed, .seed, else: "0", "`trigger`, `target-map`: of `target: random`"),
    ])
}
