"""What data, pages and style sheets consist of, as queries on their syntax trees, in the form of those for code."""

JSON = """
(pair key: (string) @name) @definition.key
"""

YAML = """
(block_mapping_pair key: (_) @name) @definition.key
(flow_pair key: (_) @name) @definition.key
"""

TOML = """
(table [(bare_key) (dotted_key) (quoted_key)] @name) @definition.table
(table_array_element [(bare_key) (dotted_key) (quoted_key)] @name) @definition.table
(pair [(bare_key) (dotted_key) (quoted_key)] @name) @definition.key
"""

HTML = """
(element [(start_tag (tag_name) @name) (self_closing_tag (tag_name) @name)]) @definition.element
(script_element (start_tag (tag_name) @name)) @definition.element
(style_element (start_tag (tag_name) @name)) @definition.element
"""

CSS = """
(rule_set (selectors) @name) @definition.rule
(media_statement "@media" @name) @definition.rule
(supports_statement "@supports" @name) @definition.rule
(keyframes_statement (keyframes_name) @name) @definition.keyframes
(import_statement "@import" @name) @definition.rule
(at_rule (at_keyword) @name) @definition.rule
(declaration (property_name) @name) @definition.property
"""
