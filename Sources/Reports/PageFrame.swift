import Foundation

/// What every report is in: one HTML file that needs nothing else.
struct PageFrame {
  let toolVersion: String
  let title: String
  /// What kind of report it is.
  let kicker: String
  /// What was done to what, for the last line: "The images in this report were changed"; `nil` if
  /// nothing is known to have been changed.
  let subject: String?
  /// Of the body, for the page's own styles.
  var bodyClass: String?
  var styles: String?
  /// Below the title.
  let introduction: Markup?
  /// Sections by their ids.
  let links: [(id: String, title: String)]
  let main: Markup
  /// Which programs may run in it, and the one at its end.
  var script = Script.none
  var program: Markup?

  enum Script {
    case none, inline
    /// Those that bear it; they may ask for the page again.
    case nonce(String)
  }

  /// The file's contents.
  func html() -> String {
    let scripts: Markup?
    switch script {
    case .none: scripts = nil
    case .inline: scripts = "; script-src 'unsafe-inline'"
    case .nonce(let nonce): scripts = "; script-src 'nonce-\(nonce)'; connect-src 'self'"
    }
    let own: Markup? = styles.map(Markup.program)
    let purpose = subject.map { "\($0) on purpose, to test explanation methods. " } ?? ""
    let body: Markup = bodyClass.map { "<body class=\"\($0)\">" } ?? "<body>"
    let end: Markup? = if case .none = script { nil } else { "\n\(program)" }
    let links = links.map { link -> Markup in "<a href=\"#\(link.id)\">\(link.title)</a>" }
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'\(scripts)"/>
      <meta name="color-scheme" content="light dark"/>
      <meta name="generator" content="trompe \(toolVersion)"/>
      <link rel="icon" href="data:,"/>
      <title>\(title) – Trompe</title>
      <style>\(Markup.program(styleSheet))\(own)</style>
      </head>
      \(body)
      <header>
      <p class="kicker">Trompe: \(kicker)</p>
      <h1>\(title)</h1>
      \(introduction)
      <nav aria-label="Sections">\(links)</nav>
      </header>
      <main>
      \(main)
      </main>
      <footer><p>\(purpose)Written by trompe \(toolVersion).</p></footer>\(end)
      </body>
      </html>

      """
    return page.text
  }

  /// What was done: facts and the recipe.
  static func record(_ facts: [RunReport.Fact], recipe: String) -> Markup {
    let facts = facts.map { fact -> Markup in
      "<dt>\(fact.name)</dt><dd class=\"name\">\(fact.value)</dd>"
    }
    return """
      <section id="record"><h2>What was done</h2><dl>\(facts)</dl>
      <details><summary>The recipe, complete</summary><pre tabindex="0">\(recipe)</pre></details></section>
      """
  }
}

extension GalleryImage {
  /// The picture itself, loaded when it comes into view.
  func image(_ description: String) -> Markup {
    """
    <img src="data:image/jpeg;base64,\(jpeg.base64EncodedString())" width="\(width)" height="\(height)" alt="\(description)" loading="lazy"/>
    """
  }
}
