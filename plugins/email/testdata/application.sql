-- The columns that the directory reads, typed as the application has them,
-- with invented people.
CREATE TABLE ea_settings (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(512), value LONGTEXT);
CREATE TABLE ea_roles (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(256), slug VARCHAR(256));
CREATE TABLE ea_users (
	id INT AUTO_INCREMENT PRIMARY KEY, first_name VARCHAR(256), last_name VARCHAR(512), email VARCHAR(512),
	timezone VARCHAR(256) NOT NULL DEFAULT 'UTC', language VARCHAR(256) DEFAULT 'english', id_roles INT
);
CREATE TABLE ea_user_settings (id_users INT PRIMARY KEY, username VARCHAR(256), notifications TINYINT);
CREATE TABLE ea_secretaries_providers (id_users_secretary INT, id_users_provider INT, PRIMARY KEY (id_users_secretary, id_users_provider));

INSERT INTO ea_settings (name, value) VALUES ('company_name', 'Studio Aurora'), ('customer_notifications', '1');
INSERT INTO ea_roles VALUES (1, 'Administrator', 'admin'), (2, 'Provider', 'provider'), (3, 'Customer', 'customer'), (4, 'Secretary', 'secretary');
INSERT INTO ea_users VALUES
	(1, 'Carla', 'Reis', 'carla@example.com', 'America/Manaus', 'portuguese-br', 1),
	(2, 'Paula', 'Dias', 'paula@example.com', 'Europe/Lisbon', 'english', 1),
	(3, 'Bruno', 'Melo', 'bruno@example.com', 'America/Sao_Paulo', 'portuguese-br', 1),
	(4, 'Rita', 'Sousa', 'rita@example.com', 'America/Sao_Paulo', 'portuguese-br', 4),
	(5, 'Sara', 'Pinto', 'sara@example.com', 'America/Sao_Paulo', 'portuguese-br', 4),
	(7, 'Marcia', 'Lima', 'marcia.lima@studio-aurora.example', 'America/Sao_Paulo', 'portuguese-br', 2),
	(58, 'Joao', 'Davila', 'joao.davila@correio.example', 'America/Sao_Paulo', 'portuguese-br', 3);
INSERT INTO ea_user_settings VALUES (1, 'carla', 1), (2, 'paula', NULL), (3, 'bruno', 0), (4, 'rita', 1), (5, 'sara', 1), (7, 'marcia', 1);
INSERT INTO ea_secretaries_providers VALUES (4, 7), (5, 9);
