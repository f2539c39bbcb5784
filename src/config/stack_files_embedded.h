/* stack_files_embedded.h - the templates of share/stack, as texts; made when the program is built (embed-templates). */
#ifndef CONFIG_STACK_FILES_EMBEDDED_H
#define CONFIG_STACK_FILES_EMBEDDED_H

extern const char stack_files_embedded_dovecot_2_3_conf[];
extern const char stack_files_embedded_postfix_main_cf[];
extern const char stack_files_embedded_postfix_master_cf[];

#endif
